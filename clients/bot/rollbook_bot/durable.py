"""Files that are whole or not there, whenever the power goes."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

ABANDONED = 60.0
"""Seconds after which a temporary file belongs to a process that was killed while it wrote. If that process lives
after all, its write fails as a full disk does, and nothing is lost."""


def write(path: Path, data: bytes) -> None:
    """Writes a file: under a temporary name first, so that no reader ever sees a part of it.

    Returns when file and name are on the disk. Raises OSError; the file may then be there or not, but never a part.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Puts the names in a folder on the disk: without it a file may be there after a power cut and have no name."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def remove_abandoned(path: Path) -> None:
    """Removes a file that a killed process has left; one that is still young may be at work."""
    with contextlib.suppress(OSError):
        if time.time() - path.stat().st_mtime > ABANDONED:
            path.unlink()
