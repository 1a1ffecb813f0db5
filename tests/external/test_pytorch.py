"""Fisher matrices of one network by two PyTorch packages, against ours: an optional job, not part of the test suite.

    pip install torch==2.13.0 curvlinops-for-pytorch==3.0.1
    pip install --no-deps nngeometry==0.4
    python -m pytest tests/external

nngeometry forms the matrices and Gram matrices of F and F_cross by its own backward hooks; curvlinops forms generalised
Gauss-Newton matrices by forward and reverse mode of PyTorch. Both know nothing of this package.

Last run, and passed, on 25 November 2026, with the versions above, Python 3.11 and NumPy 2.4.6.
"""

import warnings

import numpy as np
import pytest

from fimtheory.simulation import Architecture, measure, numpy_backend
from fimtheory.simulation.networks import draw_network

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside these packages
    try:
        import torch
        from curvlinops import GGNLinearOperator
        from nngeometry.metrics import FIM
        from nngeometry.object import FMatDense, PMatBlockDiag, PMatDense
    except ImportError as error:
        raise ImportError(f"{error}: install the packages named at the top of {__file__}") from error

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:torch")  # torch.jit.script, used inside curvlinops
N = 5
ARCHITECTURE = Architecture((6, 8, 7, 3), (1.7, 0.8, 1.2), (0.4, 0.1, 0.3), np.tanh, lambda u: 1 - np.tanh(u) ** 2)
C, P = ARCHITECTURE.outputs, ARCHITECTURE.parameter_count
METRICS = ("F", "F_blocks", "F_cross", "F_cross_blocks")


@pytest.fixture(autouse=True)
def double_precision():
    """nngeometry makes constants of the default type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def drawn():
    """(our measurements, the same network as a PyTorch module, its inputs)."""
    generator = np.random.default_rng(17)
    network = draw_network(ARCHITECTURE, generator, numpy_backend())
    x = generator.standard_normal((N, ARCHITECTURE.widths[0]))
    layers = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data, layer.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
        layers += [layer, torch.nn.Tanh()]
    measured = measure(ARCHITECTURE, network, x, METRICS, numpy_backend())
    return measured, torch.nn.Sequential(*layers[:-1]), torch.from_numpy(x)


def batches(x):
    """Two batches of unequal size; the labels do not matter to either matrix."""
    labels = torch.zeros(len(x), dtype=torch.long)
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x.clone(), labels), batch_size=3)


def agrees(measured, metric, eigenvalues, count):
    """All statistics of a metric, from eigenvalues among which zeros may be missing."""
    values = np.sort(np.asarray(eigenvalues))[::-1]
    expected = {"mean": values.sum() / count, "second_moment": (values**2).sum() / count}
    if "cross" in metric:
        expected |= {"lambda_max": values[0]} | {f"outlier[{j}]": values[j - 1] for j in range(1, C + 1)}
    else:
        top = values[:C]
        expected |= {"lambda_max": top.mean(), "lambda_top": top[0], "cluster_variance": top.var()}
    found = {name.rsplit(".", 1)[1]: v for name, v in measured.items() if name.startswith(f"deep.{metric}.")}
    return found == pytest.approx(expected, rel=1e-10, abs=1e-12)


VARIANTS = {"F": "regression", "F_cross": "classif_logits"}


@pytest.mark.parametrize("metric", VARIANTS)
def test_nngeometry(drawn, metric):
    measured, model, x = drawn
    fisher = FIM(model, batches(x), PMatDense, VARIANTS[metric]).to_torch().numpy()
    assert fisher.shape == (P, P)
    assert agrees(measured, metric, np.linalg.eigvalsh(fisher), P)
    assert not agrees(measured, metric, np.linalg.eigvalsh(1.03 * fisher), P)
    gram = FIM(model, batches(x), FMatDense, VARIANTS[metric]).to_torch().numpy()
    assert agrees(measured, metric, np.linalg.eigvalsh(gram.reshape(-1, N * gram.shape[0])) / N, P)


@pytest.mark.parametrize("metric", VARIANTS)
def test_blocks_of_nngeometry(drawn, metric):
    measured, model, x = drawn
    matrix = FIM(model, batches(x), PMatBlockDiag, VARIANTS[metric]).to_torch().numpy()
    start = 0
    for layer, count in enumerate(ARCHITECTURE.parameter_counts, start=1):
        block = matrix[start : start + count, start : start + count]
        assert agrees(measured, f"{metric}_blocks[{layer}]", np.linalg.eigvalsh(block), count)
        start += count


# The Hessian of the squared loss, averaged over samples and outputs, is 2/(C N) times the identity.
LOSSES = {"F": (torch.nn.MSELoss(), C / 2), "F_cross": (torch.nn.CrossEntropyLoss(), 1.0)}


@pytest.mark.parametrize("metric", LOSSES)
def test_curvlinops(drawn, metric):
    measured, model, x = drawn
    loss, factor = LOSSES[metric]
    data = [(x[:3], torch.zeros(3, dtype=torch.long)), (x[3:], torch.zeros(2, dtype=torch.long))]
    if metric == "F":
        data = [(one, torch.zeros(len(one), C)) for one, _ in data]
    operator = GGNLinearOperator(model, loss, list(model.parameters()), data)
    matrix = factor * (operator @ torch.eye(P)).detach().numpy()
    assert agrees(measured, metric, np.linalg.eigvalsh((matrix + matrix.T) / 2), P)
