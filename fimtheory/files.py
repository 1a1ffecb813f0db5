"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: str, data: bytes) -> None:
    """All of the data or nothing: a file that was there stays until the new one is complete. Raises :class:`OSError`."""
    part = Path(f"{path}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        part.unlink(missing_ok=True)
