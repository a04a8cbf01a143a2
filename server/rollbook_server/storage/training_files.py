"""Training data on the disk: parts as they are made, and the files that people read, written part by part.

A file is there whole or not at all: it is written under another name, and gets its own when all of it is on the disk.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import polars as pl

from rollbook_server.domain.backtest.outcomes import TrainingFormat
from rollbook_server.domain.backtest.training import Columns
from rollbook_server.domain.backtest.training_schema import COLUMNS

_GROUP = 2**16
"""Rows of a group within a Parquet file: what its reader holds at once, and its writer too."""


def keep_part(folder: Path, number: int, columns: Columns) -> None:
    """Keeps some rows in a folder of parts; the same number again takes its place."""
    pl.DataFrame(columns).write_ipc(_part(folder, number))


def _part(folder: Path, number: int) -> Path:
    return folder / f"{number:08}.arrow"


def parts_of(folder: Path) -> Sequence[Path]:
    """The parts of a folder, in order."""
    return sorted(folder.glob("*.arrow"))


def read_part(part: Path, names: Sequence[str] | None = None) -> Columns:
    """The rows of a part, or some of their columns."""
    frame = pl.read_ipc(part, columns=None if names is None else list(names))
    # As numpy has them: an array of Python's own texts is slow to compare.
    return {each.name: each.to_numpy().astype("U") if each.dtype == pl.String else each.to_numpy() for each in frame}


class TrainingFile:
    """A file under way, in one format. `parts` is a folder for what cannot be written before all rows are there."""

    def __init__(self, target: Path, kind: TrainingFormat, parts: Path) -> None:
        self._target, self._kind, self._parts = target, kind, parts
        self._temporary = target.with_name(f".{target.name}.part")
        self._out: BinaryIO = self._temporary.open("wb")
        self._count = 0

    def add(self, columns: Columns) -> None:
        """Some more rows."""
        frame = pl.DataFrame({each.name: columns[each.name] for each in COLUMNS})
        if self._kind is TrainingFormat.CSV:
            frame.write_csv(self._out, include_header=self._count == 0)
        elif self._kind is TrainingFormat.JSONL:
            frame.write_ndjson(self._out)
        else:
            frame.write_ipc(_part(self._parts, self._count))
        self._count += 1

    def close(self) -> None:
        """All rows are there: the file gets its name."""
        if self._kind is TrainingFormat.PARQUET:
            rows = pl.scan_ipc(list(parts_of(self._parts)))
            rows.sink_parquet(self._out, compression="zstd", row_group_size=_GROUP)
        put_in_place(self._out, self._temporary, self._target)

    def drop(self) -> None:
        """Leaves nothing of it, if it is not closed."""
        self._out.close()
        self._temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """A file of this text, whole or not at all."""
    temporary = target.with_name(f".{target.name}.part")
    with temporary.open("wb") as out:
        out.write(text.encode())
        put_in_place(out, temporary, target)


def put_in_place(out: BinaryIO, temporary: Path, target: Path) -> None:
    """Gives what is written its name, once it is on the disk."""
    out.flush()
    os.fsync(out.fileno())
    out.close()
    temporary.replace(target)
    handle = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_rows(parts: Iterator[Columns], targets: Mapping[TrainingFormat, Path], folder: Path) -> None:
    """Files of these rows, one of each format. Raises OSError; then none of them is there that was not."""
    placed = folder / "placed"
    placed.mkdir(exist_ok=True)
    files: list[TrainingFile] = []
    try:
        for kind, target in targets.items():
            files.append(TrainingFile(target, kind, placed))
        for columns in parts:
            for file in files:
                file.add(columns)
        for file in files:
            file.close()
    finally:
        for file in files:
            file.drop()


def digest_of(file: Path) -> str:
    """SHA-256 of a file, hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
