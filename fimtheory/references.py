"""The papers whose statements the package carries."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A source document."""

    key: str
    authors: str
    title: str
    venue: str
    year: int

    @property
    def bibtex(self) -> str:
        """A BibTeX entry."""
        return (
            f"@article{{{self.key},\n  author = {{{self.authors}}},\n  title = {{{{{self.title}}}}},\n"
            f"  journal = {{{self.venue}}},\n  year = {{{self.year}}}\n}}"
        )

    def __str__(self) -> str:
        names = (" ".join(reversed(author.split(", "))) for author in self.authors.split(" and "))
        return f"{', '.join(names)} ({self.year}), {self.title}, {self.venue}"


_PAPERS = (
    Paper(
        "fanwang2020",
        "Fan, Zhou and Wang, Zhichao",
        "Spectra of the conjugate kernel and neural tangent kernel for linear-width neural networks",
        "Advances in Neural Information Processing Systems 33",
        2020,
    ),
    Paper(
        "karakida2020",
        "Karakida, Ryo and Akaho, Shotaro and Amari, Shun-ichi",
        "Pathological spectra of the Fisher information metric and its variants in deep neural networks",
        "arXiv:1910.05992",
        2020,
    ),
    Paper(
        "pennington2018",
        "Pennington, Jeffrey and Worah, Pratik",
        "The spectrum of the Fisher information matrix of a single-hidden-layer neural network",
        "Advances in Neural Information Processing Systems 31",
        2018,
    ),
    Paper(
        "takeishi2021",
        "Takeishi, Yoshinari and Iida, Masazumi and Takeuchi, Jun'ichi",
        "Approximate spectral decomposition of Fisher information matrix for simple ReLU networks",
        "arXiv:2111.15256",
        2021,
    ),
    Paper(
        "ho2025",
        "Ho, Ka Long Keith and Takeishi, Yoshinari and Takeuchi, Junichi",
        "Function forms of simple ReLU networks with random hidden weights",
        "arXiv:2505.17907",
        2025,
    ),
    Paper(
        "sun2016",
        "Sun, Ke and Nielsen, Frank",
        "Relative natural gradient for learning large complex models",
        "arXiv:1606.06069",
        2016,
    ),
    Paper(
        "cho2009",
        "Cho, Youngmin and Saul, Lawrence K.",
        "Kernel methods for deep learning",
        "Advances in Neural Information Processing Systems 22",
        2009,
    ),
    Paper(
        "poole2016",
        "Poole, Ben and Lahiri, Subhaneil and Raghu, Maithra and Sohl-Dickstein, Jascha and Ganguli, Surya",
        "Exponential expressivity in deep neural networks through transient chaos",
        "Advances in Neural Information Processing Systems 29",
        2016,
    ),
    Paper(
        "schoenholz2017",
        "Schoenholz, Samuel S. and Gilmer, Justin and Ganguli, Surya and Sohl-Dickstein, Jascha",
        "Deep information propagation",
        "International Conference on Learning Representations",
        2017,
    ),
    Paper(
        "hayou2019",
        "Hayou, Soufiane and Doucet, Arnaud and Rousseau, Judith",
        "On the impact of the activation function on deep neural networks training",
        "International Conference on Machine Learning",
        2019,
    ),
    Paper(
        "jacot2018",
        "Jacot, Arthur and Gabriel, Franck and Hongler, Clément",
        "Neural tangent kernel: convergence and generalization in neural networks",
        "Advances in Neural Information Processing Systems 31",
        2018,
    ),
    Paper(
        "lee2019",
        "Lee, Jaehoon and Xiao, Lechao and Schoenholz, Samuel S. and Bahri, Yasaman and Novak, Roman and "
        "Sohl-Dickstein, Jascha and Pennington, Jeffrey",
        "Wide neural networks of any depth evolve as linear models under gradient descent",
        "Advances in Neural Information Processing Systems 32",
        2019,
    ),
    Paper(
        "lewkowycz2020",
        "Lewkowycz, Aitor and Bahri, Yasaman and Dyer, Ethan and Sohl-Dickstein, Jascha and Gur-Ari, Guy",
        "The large learning rate phase of deep learning: the catapult mechanism",
        "arXiv:2003.02218",
        2020,
    ),
)

PAPERS = {paper.key: paper for paper in _PAPERS}

OURS = "fimtheory"


def cited(paper: str) -> str:
    """A paper as a line of text; results of our own name the package.

    >>> cited("fimtheory")
    'fimtheory'
    """
    return str(PAPERS[paper]) if paper in PAPERS else OURS


def bibtex_of(paper: str) -> str:
    """The BibTeX entry of a paper; of the package, for results of our own."""
    if paper in PAPERS:
        return PAPERS[paper].bibtex
    title = "fimtheory: a theory engine for the Fisher information of random networks"
    return f"@software{{{OURS},\n  title = {{{{{title}}}}}\n}}"
