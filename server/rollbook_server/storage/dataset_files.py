"""The lab's data on the disk: one file per dataset, named by the hash of its content, in a folder beside lab.db.

A file is never changed, so several processes read it without asking anybody.
"""

import os
import tempfile
from pathlib import Path

import numpy as np

from rollbook_server.domain.backtest.content import columns_of, content_hash, from_columns, kind_of
from rollbook_server.domain.backtest.datasets import Data, DatasetKind

_KIND = "kind"


class DamagedDataset(Exception):
    """A dataset's file is gone, cannot be read, or does not hold what its name says."""


class DatasetFolder:
    """Where datasets are kept. The folder is made with the first of them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, data: Data) -> str:
        """Its content hash; it is on the disk when this returns. The same content again is the same file."""
        name = content_hash(data)
        file = self.file(name)
        if not self._holds(name):
            self._path.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._path, prefix=f"{name[:16]}.", suffix=".part")
            try:
                with os.fdopen(handle, "wb") as out:
                    kind = np.array([kind_of(data).value])
                    np.savez(out, allow_pickle=False, **{_KIND: kind}, **columns_of(data))
                    out.flush()
                    os.fsync(out.fileno())
                Path(temporary).replace(file)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            _sync_folder(self._path)
        return name

    def load(self, name: str) -> Data:
        """The dataset of this content hash. Raises DamagedDataset."""
        file = self.file(name)
        try:
            # numpy leaves a file open that it opened itself and cannot read.
            with file.open("rb") as handle, np.load(handle, allow_pickle=False) as columns:
                kind = DatasetKind(columns[_KIND].item())
                data = from_columns(kind, {each: columns[each] for each in columns.files})
            found = content_hash(data)
        except FileNotFoundError as error:
            raise DamagedDataset(f"the file of dataset {name} is gone: {file}") from error
        except Exception as error:  # whatever a turned bit makes the readers of zip and npy say
            raise DamagedDataset(f"the file of dataset {name} cannot be read: {file}: {error}") from error
        if found != name:
            raise DamagedDataset(f"the file of dataset {name} holds something else, with the hash {found}: {file}")
        return data

    def adopt(self, name: str, brought: Path) -> None:
        """Takes a file of this folder as the dataset of this content hash. Raises DamagedDataset where it is not, and
        removes it."""
        file = self.file(name)
        brought.replace(file)
        try:
            self.load(name)
        except DamagedDataset:
            file.unlink(missing_ok=True)
            raise

    def _holds(self, name: str) -> bool:
        """A damaged file is as good as none, and is written anew by who has its content."""
        try:
            self.load(name)
        except DamagedDataset:
            return False
        return True

    def file(self, name: str) -> Path:
        """Where the dataset of this content hash lies, if it is here."""
        return self._path / f"{name}.npz"


def _sync_folder(path: Path) -> None:
    """Without it a new name may be gone after a power failure, while lab.db already counts on it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
