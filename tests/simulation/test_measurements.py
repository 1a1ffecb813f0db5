"""Ensembles are interrupted at once, wherever Ctrl-C strikes."""

from concurrent.futures import Executor, Future

import pytest

from fimtheory.simulation.measurements import collect


class Interrupted(Executor):
    """Ctrl-C strikes while the third task is handed over."""

    def __init__(self):
        self.futures = []

    def submit(self, fn, /, *args, **kwargs):
        if len(self.futures) == 2:
            raise KeyboardInterrupt
        self.futures.append(Future())
        return self.futures[-1]


def test_tasks_handed_over_before_an_interrupt_are_cancelled():
    executor = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        collect(lambda index: {"value": index}, [(index,) for index in range(5)], executor, None)
    assert [future.cancelled() for future in executor.futures] == [True, True]


def test_an_error_of_one_task_cancels_the_others():
    def measure(index):
        if index == 0:
            raise ValueError("no number")
        return {"value": index}

    with pytest.raises(ValueError, match="no number"):
        collect(measure, [(index,) for index in range(500)], 2, None)


@pytest.mark.parametrize("workers", [1, 3])
def test_rows_are_in_the_order_of_tasks(workers):
    done = []
    found = collect(
        lambda index: {"value": index**2}, [(k,) for k in range(40)], workers, lambda *state: done.append(state)
    )
    assert found["value"].tolist() == [k**2 for k in range(40)]
    assert done[-1] == (40, 40)
