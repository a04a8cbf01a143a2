"""What is done on a worker of a Dask cluster: functions of `worker`, on data that was brought there.

A cluster's machines see neither lab.db nor its folder of data. A worker keeps the files of datasets, by the hash of
their content, in the folder that Dask gives it and takes away with it; what it lacks it says, and is sent.
"""

import functools
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from rollbook_server.domain.backtest.version import ENGINE_VERSION
from rollbook_server.storage.dataset_files import DamagedDataset, DatasetFolder
from rollbook_server.worker import Material, PointsOrder

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call; or why nothing did, and then nothing was done."""

    outcome: Any = None
    lacking: Sequence[str] = ()
    """Content hashes of datasets that the worker does not have."""
    unfit: str = ""
    """What is installed there, where it is not what is installed on the server."""


LIBRARIES = ("rollbook-server", "numpy", "numba")
"""What a result hangs on, of what is installed."""


@functools.cache
def installed() -> Mapping[str, str]:
    """What a result hangs on, besides spec and data."""
    return {"engine": ENGINE_VERSION, "machine": platform.machine(), **{name: version(name) for name in LIBRARIES}}


def call(
    wanted: Mapping[str, str], function: Callable[..., Any], args: Sequence[Any], more: Mapping[str, Any]
) -> Answer:
    """Calls a function of `worker` where the same is installed as `wanted`, and all data is there."""
    from distributed import get_worker

    if wanted != installed():
        differing = (f"{name} {here}" for name, here in installed().items() if wanted.get(name) != here)
        return Answer(unfit=", ".join(differing))
    folder = _folder(get_worker().local_directory)
    lacking = [name for each in args for name in datasets_of(each) if not DatasetFolder(folder).file(name).is_file()]
    if lacking:
        return Answer(lacking=lacking)
    return Answer(function(*(_placed(each, folder) for each in args), **more))


def receive(name: str, sender: str, place: int, piece: bytes, last: bool, dask_worker: Any = None) -> str:
    """Takes a piece of a dataset's file, from `place` on. Empty, or why the file is not what its name says."""
    folder = _folder(dask_worker.local_directory)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{sender}.part"  # each sender's own: two may bring the same
    with part.open("ab" if place else "wb") as file:
        file.write(piece)
    if last:
        try:
            DatasetFolder(folder).adopt(name, part)
        except DamagedDataset as error:
            return str(error)
    return ""


def datasets_of(argument: object) -> Sequence[str]:
    """The datasets that an argument of a call names."""
    material = _material(argument)
    return () if material is None else [each for each in (material.spot, material.volatility, material.quotes) if each]


def source(argument: object) -> Path | None:
    """The folder that the data of an argument lies in."""
    material = _material(argument)
    return None if material is None else material.folder


def _material(argument: object) -> Material | None:
    if isinstance(argument, PointsOrder):
        return argument.material
    return argument if isinstance(argument, Material) else None


def _placed(argument: A, folder: Path) -> A:
    """An argument whose data lies in this folder."""
    if isinstance(argument, PointsOrder):
        return replace(argument, material=replace(argument.material, folder=folder))
    return replace(argument, folder=folder) if isinstance(argument, Material) else argument


def _folder(local_directory: str) -> Path:
    return Path(local_directory) / "rollbook"
