"""A venue's history on the disk: Parquet files, one a page, in a folder for each series.

A page that is whole is never asked for again; one that is still growing is `….open.parquet`, and is written anew by
every fetch. Each file is whole or not there.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars

from rollbook_server.domain.backtest.history import HistoryOrder
from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.backtest.outcomes import HistoryKind
from rollbook_server.domain.backtest.raw import BarColumns, VolatilityColumns, malformed
from rollbook_server.domain.clock import SECOND, Micros
from rollbook_server.domain.errors import NotFound, Reason
from rollbook_server.storage.training_files import put_in_place

_TIMES = ("time", "creation_time", "expiration_time")
_TYPES = dict.fromkeys(_TIMES, polars.Int64) | dict.fromkeys(
    ("instrument_name", "option_type", "settlement_period"), polars.String
)
_TIME = polars.Datetime("us", "UTC")


class HistoryFolder:
    """The pages of one series."""

    def __init__(self, folder: Path, order: HistoryOrder) -> None:
        self.path = folder / order.where

    def page(self, number: int) -> Path:
        """The file of a page that is whole, by its beginning (seconds since 1970) or its number."""
        return self.path / f"{number:012}.parquet"

    def keep(self, number: int, columns: Mapping[str, Sequence[Any]], *, whole: bool, merged_by: str = "") -> None:
        """It is on the disk when this returns. With `merged_by`, a column, rows that were kept before stay, but for
        those that have the same value there as a new one."""
        target = self.page(number)
        growing = target.with_suffix(".open.parquet")
        types: dict[str, Any] = {name: _TYPES.get(name, polars.Float64) for name in columns}
        frame = polars.DataFrame(columns, schema=types)
        frame = frame.with_columns(polars.col(name).cast(_TIME) for name in _TIMES if name in columns)
        if merged_by and target.is_file():
            old = self.read([number])
            frame = polars.concat([old.join(frame, on=merged_by, how="anti"), frame]).sort(merged_by)
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self.path / f".{target.name}.part"
        with temporary.open("wb") as out:
            frame.write_parquet(out)
            put_in_place(out, temporary, target if whole else growing)
        if whole:
            growing.unlink(missing_ok=True)

    def read(self, numbers: Sequence[int]) -> polars.DataFrame:
        """The rows of pages, in order; none of those that are not there. Raises InvalidArgument for a damaged one."""
        frames = []
        for number in numbers:
            for file in (self.page(number), self.page(number).with_suffix(".open.parquet")):
                if file.is_file():
                    try:
                        frames.append(polars.read_parquet(file, glob=False))
                    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError) as error:
                        raise malformed(f"{file} cannot be read: remove it, and fetch again: {error}") from error
                    break
        return polars.concat(frames) if frames else polars.DataFrame()


def page_numbers(order: HistoryOrder) -> Sequence[int]:
    """Of the pages of bars or of a volatility index."""
    return [start // SECOND for start in order.pages()]


def read_history(folder: Path, order: HistoryOrder) -> BarColumns | VolatilityColumns:
    """The rows of an order as far as they are kept. Bars in which nobody traded only repeat an older price, and are
    left out. Raises NotFound (HISTORY_NOT_FOUND) where there are less than two."""
    assert order.start is not None
    assert order.end is not None
    frame = HistoryFolder(folder, order).read(page_numbers(order))
    if not len(frame):
        raise _nothing(order)
    time: Ints = frame["time"].to_physical().to_numpy()
    inside = (time >= order.start) & (time + order.interval <= order.end)

    def column(name: str, rows: Any) -> Floats:
        values: Floats = frame[name].to_numpy()[rows]
        return values

    if order.kind is HistoryKind.VOLATILITY:
        if np.count_nonzero(inside) < 2:
            raise _nothing(order)
        return VolatilityColumns(time[inside], column("close", inside))
    traded = inside & (frame["volume"].to_numpy() > 0)
    if np.count_nonzero(traded) < 2:
        raise _nothing(order)
    idle = int(np.count_nonzero(inside & ~traded))
    columns = (column(name, traded) for name in ("open", "high", "low", "close"))
    return BarColumns(time[traded], *columns, dropped={"nobody traded in it": idle} if idle else {})


def _nothing(order: HistoryOrder) -> NotFound:
    return NotFound(
        Reason.HISTORY_NOT_FOUND,
        f"the venue has no {order.kind} of {order.series} in that time, or less than two",
        "series",
    )


def counted(folder: Path, order: HistoryOrder, numbers: Sequence[int]) -> tuple[int, Micros | None, Micros | None]:
    """Rows of these pages, and the first and last time (of instruments: of their listing)."""
    frame = HistoryFolder(folder, order).read(numbers)
    if not len(frame):
        return 0, None, None
    times = frame["time" if "time" in frame.columns else "creation_time"].to_physical().to_numpy()
    return len(frame), int(times.min()), int(times.max())
