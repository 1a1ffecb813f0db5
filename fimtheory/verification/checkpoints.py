"""Long work in pieces: what is finished is kept in a directory, and is not computed again."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fimtheory.errors import InputError
from fimtheory.files import write_whole

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Checkpoints:
    """Pieces of long work in a directory, one file each; without a directory nothing is kept.

    A piece is found again by its description, which must name everything it depends on: other settings are other
    pieces, and one directory serves any number of figures.
    """

    directory: Path | None = None

    def piece(self, description: str, compute: Callable[[], Arrays]) -> dict[str, np.ndarray]:
        """The arrays of a piece: read, where it was finished before, else computed and kept.

        Raises :class:`InputError` where the directory cannot be used or holds something else.
        """
        if self.directory is None:
            return dict(compute())
        path = self.directory / f"{hashlib.sha256(description.encode()).hexdigest()[:20]}.npz"
        try:
            if path.exists():
                return _read(path, description)
            self.directory.mkdir(parents=True, exist_ok=True)
            found = dict(compute())
            packed = io.BytesIO()
            kept: dict[str, Any] = {"description": np.array(description), **found}
            np.savez_compressed(packed, **kept)
            write_whole(str(path), packed.getvalue())
        except OSError as error:
            raise InputError(
                f"{self.directory} cannot hold unfinished work: {error.strerror or error}; give another directory"
            ) from None
        return found


def _read(path: Path, description: str) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile):  # a file that is not ours
        found = {}
    if str(found.pop("description", "")) != description:
        raise InputError(f"{path} is no piece of this work: remove the file, or give another directory")
    return found
