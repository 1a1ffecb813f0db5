"""Pieces of long work: computed once, found again, never mistaken for others."""

import numpy as np
import pytest

from fimtheory.errors import InputError
from fimtheory.verification.checkpoints import Checkpoints


class Work:
    """Counts how often it is done."""

    def __init__(self):
        self.done = 0

    def __call__(self):
        self.done += 1
        return {"values": np.array([self.done, 2.5])}


def test_a_piece_is_computed_once(tmp_path):
    work, store = Work(), Checkpoints(tmp_path / "new" / "place")
    for _ in range(3):
        assert store.piece("tanh, width 8", work)["values"].tolist() == [1.0, 2.5]
    assert work.done == 1
    assert store.piece("tanh, width 16", work)["values"].tolist() == [2.0, 2.5]
    assert len(list((tmp_path / "new" / "place").iterdir())) == 2


def test_without_a_directory_nothing_is_kept():
    work = Work()
    assert [Checkpoints().piece("a", work)["values"][0] for _ in range(2)] == [1, 2]


def test_an_interrupted_piece_leaves_nothing(tmp_path):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Checkpoints(tmp_path).piece("a", interrupted)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 broken"])
def test_foreign_files_are_refused(tmp_path, content):
    store, work = Checkpoints(tmp_path), Work()
    store.piece("a", work)
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    with pytest.raises(InputError, match="no piece of this work"):
        store.piece("a", work)


def test_another_description_under_the_same_name_is_refused(tmp_path):
    store, work = Checkpoints(tmp_path), Work()
    store.piece("a", work)
    (path,) = tmp_path.iterdir()
    np.savez(path, description=np.array("b"), values=np.zeros(2))
    with pytest.raises(InputError, match="no piece of this work"):
        store.piece("a", work)


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="give another directory"):
        Checkpoints(tmp_path / "file").piece("a", Work())
