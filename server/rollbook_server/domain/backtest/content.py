"""What is in a dataset: its columns by name, their hash, how many rows, when, and where it has none."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rollbook_server.domain.backtest.datasets import Data, DatasetKind
from rollbook_server.domain.backtest.market import Bars, OptionChains, VolatilityIndex
from rollbook_server.domain.backtest.raw import usual_interval
from rollbook_server.domain.clock import Micros

Column = NDArray[np.generic]

_CLASSES: Mapping[DatasetKind, type[Data]] = {
    DatasetKind.BARS: Bars,
    DatasetKind.VOLATILITY: VolatilityIndex,
    DatasetKind.OPTION_CHAINS: OptionChains,
}
_DTYPES: Mapping[Any, str] = {int: "<i8", float: "<f8", bool: "|b1"}
_WIDE = 1.5
"""Intervals: rows that are further apart have a gap between them."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without rows."""

    start_time: Micros
    """The first instant that is missing."""
    end_time: Micros
    """The first instant that is there again."""
    missing_rows: int
    """By the usual interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What there is to say of a dataset."""

    kind: DatasetKind
    rows: int
    """Bars, values or quotes."""
    first_time: Micros
    last_time: Micros
    """Of rows, and of snapshots."""
    interval: Micros
    """Between rows, and between snapshots, as usual; 0 for a single snapshot."""
    gaps: tuple[Gap, ...]


def kind_of(data: Data) -> DatasetKind:
    """What it holds."""
    return next(kind for kind, each in _CLASSES.items() if isinstance(data, each))


def describe(data: Data) -> Description:
    """What there is to say of it."""
    interval = usual_interval(data.time) if isinstance(data, OptionChains) else data.interval
    return Description(
        kind=kind_of(data),
        rows=len(data.contract) if isinstance(data, OptionChains) else len(data.time),
        first_time=int(data.time[0]),
        last_time=int(data.time[-1]),
        interval=interval,
        gaps=_gaps(data, interval),
    )


def _gaps(data: Data, interval: Micros) -> tuple[Gap, ...]:
    distances = np.diff(data.time)
    return tuple(
        Gap(int(data.time[row]) + interval, int(data.time[row + 1]), round(int(distances[row]) / interval) - 1)
        for row in np.flatnonzero(distances > _WIDE * interval)
    )


def columns_of(data: Data) -> dict[str, Column]:
    """All of it as columns by name, little-endian; what is no column is one of a single row."""
    columns: dict[str, Column] = {}
    for each in fields(data):
        value = getattr(data, each.name)
        if isinstance(value, np.ndarray):
            columns[each.name] = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        else:
            columns[each.name] = np.array([value], dtype=_DTYPES[type(value)])
    return columns


def from_columns(kind: DatasetKind, columns: Mapping[str, Column]) -> Data:
    """The data of these columns. Raises KeyError where one is missing."""
    made = _CLASSES[kind]
    values = {each.name: columns[each.name] for each in fields(made)}
    for name in ("interval", "synthetic"):
        if name in values:
            values[name] = values[name].item()
    return made(**values)  # type: ignore[arg-type]  # as columns_of took it apart


def content_hash(data: Data) -> str:
    """SHA-256, hex, of the kind and of each column's name, type, shape and bytes, in the order of the class."""
    digest = hashlib.sha256(kind_of(data).encode())
    for name, column in columns_of(data).items():
        digest.update(f"|{name} {column.dtype.str} {column.shape}|".encode())
        digest.update(column.data.cast("B"))
    return digest.hexdigest()
