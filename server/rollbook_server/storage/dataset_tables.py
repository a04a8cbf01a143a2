"""Market data in CSV and Parquet files: finding the columns, and reading them as numbers and instants.

What is refused names the column and the row: row 1 is the first below the header.
"""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rollbook_server.domain.backtest.datasets import Columns, DatasetKind
from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.backtest.raw import BarColumns, PriceColumns, QuoteColumns, VolatilityColumns, malformed
from rollbook_server.domain.clock import EARLIEST, LATEST, SECOND, Micros, micros
from rollbook_server.domain.errors import NotFound, Reason

if TYPE_CHECKING:  # imported where it is used: a server that registers nothing does without
    import polars

_CSV = (".csv", ".csv.gz")
_TIME = ("time", "ts", "ts_utc")
_OHLC = ("open", "high", "low", "close")
_PRICE = ("price", "spot")
_VOLATILITY = ("close", "dvol", "dvol_close", "value")
_QUOTES = ("underlying_price", "mark_price", "best_bid_price", "best_ask_price", "mark_iv")
_MEANT = {*_TIME, *_OHLC, *_PRICE, *_VOLATILITY, *_QUOTES, "harvest_time", "instrument_name"}
_MISSING = ["", "null", "NULL", "None", "nan", "NaN", "NaT"]

_YEAR_2000 = 946_684_800
_UNITS = ((SECOND, "seconds"), (1_000, "milliseconds"), (1, "microseconds"))
"""Of numbers that count from 1970: microseconds in one."""


def read_table(path: Path, kind: DatasetKind, underlying: str = "", quote_currency: str = "") -> Columns:
    """The columns of a file, .csv, .csv.gz or .parquet, as the API's RegisterDatasetRequest names them. Of a file with
    chains of several coins and currencies those of `underlying` that are quoted in `quote_currency` (unset: USD).

    Raises NotFound (FILE_NOT_FOUND), or InvalidArgument (MALFORMED_DATA) with the column and the row.
    """
    try:
        there = path.is_file()
    except OSError:  # a name that no file can have, or a folder that nobody may look into
        there = False
    if not there:
        raise NotFound(Reason.FILE_NOT_FOUND, f"there is no file {str(path)!r} on the server's disk", "path")
    if kind is DatasetKind.OPTION_CHAINS and _is_options_chain(path):
        from rollbook_server.storage.tardis_tables import read_options_chain

        return read_options_chain(path, underlying, quote_currency or "USD")
    table = _Table(path)
    match kind:
        case DatasetKind.BARS:
            time = table.times(table.one_of(_TIME, "time"))
            if not table.has(_OHLC) and table.has_any(_PRICE):
                return PriceColumns(time, table.numbers(table.one_of(_PRICE, "price")))
            return BarColumns(time, *(table.numbers(name) for name in _OHLC))
        case DatasetKind.VOLATILITY:
            return VolatilityColumns(
                table.times(table.one_of(_TIME, "time")), table.numbers(table.one_of(_VOLATILITY, "volatility"))
            )
        case DatasetKind.OPTION_CHAINS:
            name, names = table.texts("instrument_name")
            return QuoteColumns(table.times("harvest_time"), name, names, *(table.numbers(each) for each in _QUOTES))


def _is_options_chain(path: Path) -> bool:
    """Whether it is an options_chain file of tardis.dev; what cannot be read is none, and is refused as a table."""
    from rollbook_server.storage.tardis_tables import is_options_chain, read_header

    try:
        return path.name.lower().endswith(_CSV) and is_options_chain(read_header(path))
    except (OSError, EOFError, zlib.error):
        return False


class _Table:
    """The columns of one file that mean something here."""

    def __init__(self, path: Path) -> None:
        import polars

        self._polars = polars
        try:
            if path.name.lower().endswith(_CSV):
                # As text: what polars would infer from the first rows need not hold for the rest.
                lazy = polars.scan_csv(path, infer_schema=False, null_values=_MISSING, glob=False)
            elif path.suffix.lower() == ".parquet":
                lazy = polars.scan_parquet(path, glob=False)
            else:
                raise malformed(f"{path.name!r} is neither .csv, .csv.gz nor .parquet")
            self._names = lazy.collect_schema().names()
            # At once, so that all columns are of one moment; and no others, of which there may be many.
            self._frame = lazy.select(name for name in self._names if name in _MEANT).collect()
        except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError) as error:
            # On some damaged Parquet files polars panics, which is no Exception and would end the server.
            what = str(error).strip().partition("\n")[0]
            raise malformed(f"{path.name!r} cannot be read: {what or 'it is empty'}") from error

    def has(self, names: Sequence[str]) -> bool:
        return all(name in self._names for name in names)

    def has_any(self, names: Sequence[str]) -> bool:
        return any(name in self._names for name in names)

    def one_of(self, names: Sequence[str], meaning: str) -> str:
        """The one of these columns that the file has."""
        found = [name for name in names if name in self._names]
        if not found:
            raise malformed(f"no column says the {meaning} ({' or '.join(names)}); there are {', '.join(self._names)}")
        if len(found) > 1:
            raise malformed(f"columns {' and '.join(found)} both say the {meaning}: leave one")
        return found[0]

    def numbers(self, name: str) -> Floats:
        """A column of floats, NaN where a value is missing."""
        column = self._column(name)
        if not (column.dtype.is_numeric() or column.dtype in (self._polars.String, self._polars.Null)):
            raise malformed(f"column {name!r} holds {column.dtype}, not numbers")
        floats = column.cast(self._polars.Float64, strict=False)
        wrong = floats.is_null() & column.is_not_null()
        if wrong.any():
            raise self._wrong(column, int(wrong.arg_true()[0]), "is not a number")
        return floats.fill_null(float("nan")).to_numpy()

    def texts(self, name: str) -> tuple[Ints, list[str]]:
        """A column of text: for each row the place of its text, and the texts. A missing one is empty."""
        column = self._column(name)
        if column.dtype not in (self._polars.String, self._polars.Categorical, self._polars.Enum, self._polars.Null):
            raise malformed(f"column {name!r} holds {column.dtype}, not text")
        column = column.cast(self._polars.String).fill_null("")
        unique = column.unique()
        places = column.replace_strict(unique, range(len(unique)), return_dtype=self._polars.Int64)
        return places.to_numpy(), unique.to_list()

    def times(self, name: str) -> Ints:
        """A column of instants: datetimes (without a zone: UTC), ISO texts, or numbers that count from 1970."""
        column = self._column(name)
        missing = column.is_null()
        if missing.any():
            raise malformed(f"column {name!r}, row {int(missing.arg_true()[0]) + 1}: the time is missing")
        if column.dtype == self._polars.String:
            counted = column.cast(self._polars.Float64, strict=False)
            instants = self._iso(column) if counted.null_count() else self._counted(column, counted)
        elif column.dtype.is_numeric():
            # Decimals and 128 bits are numbers to polars and none to numpy.
            kind = self._polars.Int64 if column.dtype.is_integer() else self._polars.Float64
            counted = column.cast(kind, strict=False)
            if counted.null_count():
                raise self._wrong(column, int(counted.is_null().arg_true()[0]), "is not a time")
            instants = self._counted(column, counted)
        elif column.dtype in (self._polars.Datetime, self._polars.Date):
            instants = column.cast(self._polars.Datetime("us")).to_physical().to_numpy().astype(np.int64)
        else:
            raise malformed(f"column {name!r} holds {column.dtype}, not times")
        outside = (instants < EARLIEST) | (instants > LATEST)
        if outside.any():
            raise self._wrong(column, int(np.argmax(outside)), "is not between 1970 and 2100")
        return instants

    def _counted(self, column: "polars.Series", counted: "polars.Series") -> Ints:
        """Numbers from 1970. Their unit is the one by which all of them lie between 2000 and 2100."""
        numbers = counted.to_numpy()
        for scale, _ in _UNITS:
            low, high = _YEAR_2000 * SECOND / scale, LATEST / scale
            if ((numbers >= low) & (numbers <= high)).all():
                whole = np.issubdtype(numbers.dtype, np.integer)
                scaled = numbers.astype(np.int64) * scale if whole else np.rint(numbers * scale)
                instants: Ints = scaled.astype(np.int64)
                return instants
        units = ", ".join(unit for _, unit in _UNITS)
        raise malformed(f"column {column.name!r}: as {units} from 1970 the numbers do not lie between 2000 and 2100")

    def _iso(self, column: "polars.Series") -> Ints:
        unique = column.unique(maintain_order=True)
        found: list[Micros] = []
        for text in unique:
            try:
                moment = datetime.fromisoformat(text.removesuffix(" UTC"))
            except ValueError:
                row = int((column == text).arg_true()[0])
                raise self._wrong(column, row, "is not a time like 2026-03-27T08:00:00Z") from None
            found.append(micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC)))
        if len(unique) == len(column):
            return np.array(found, dtype=np.int64)
        instants: Ints = column.replace_strict(unique, found, return_dtype=self._polars.Int64).to_numpy()
        return instants

    def _column(self, name: str) -> "polars.Series":
        if name not in self._names:
            raise malformed(f"there is no column {name!r}; there are {', '.join(self._names)}")
        return self._frame.drop_in_place(name)  # as text it may be larger than all that is made of it

    @staticmethod
    def _wrong(column: "polars.Series", row: int, why: str) -> Exception:
        return malformed(f"column {column.name!r}, row {row + 1}: {str(column[row])!r} {why}")
