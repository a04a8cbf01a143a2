"""Option chains as tardis.dev writes them: `options_chain` CSV, often .csv.gz, a row for each change of a quote.

A day of them does not fit into memory: a file is read in blocks, and what stays of a block are the rows of snapshots
(domain/backtest/thinning). A row is known at its local_timestamp, when the recorder received it. Prices are the
venue's: in the coin for coin-settled options; an empty field is a missing value.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars

from rollbook_server.domain.backtest.chain_rows import quote_currency
from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.backtest.raw import QuoteColumns, Rows, Sieve, malformed
from rollbook_server.domain.backtest.thinning import Thinner
from rollbook_server.domain.clock import LATEST, SECOND
from rollbook_server.domain.instruments import Instrument, parse_deribit

BLOCK = 4 * 1024 * 1024
"""Bytes that are looked at at a time."""

_EXCHANGE = "deribit"
_TIMES = ("local_timestamp", "timestamp", "expiration")
_VALUES = ("underlying_price", "mark_price", "bid_price", "ask_price", "mark_iv")
_MEANT = ("exchange", "symbol", "strike_price", *_TIMES, *_VALUES)
_MISSING = ["", "null", "NULL", "None", "nan", "NaN"]
_YEAR_2000 = 946_684_800 * SECOND
_TREMBLE = SECOND
"""By so much the venue's clock may be ahead of the recorder's."""


def is_options_chain(header: list[str]) -> bool:
    """Whether a file with these columns is one of these."""
    return {"exchange", "symbol", "local_timestamp"} <= set(header)


def read_header(path: Path) -> list[str]:
    """The columns of a CSV file. Raises OSError, EOFError or zlib.error where it cannot be read."""
    with _opened(path) as file:
        return _columns(file.readline(65_536))


def read_options_chain(path: Path, underlying: str, currency: str = "USD", block: int = BLOCK) -> QuoteColumns:
    """The snapshots of a coin's options that are quoted in a currency (USD: the coin-settled ones).

    Raises InvalidArgument (MALFORMED_DATA): a column is missing, rows are not in the order in which they were received,
    or the file cannot be read to its end. Rows that are wrong, or of something else, are left out and counted.
    """
    reader = _Reader(underlying, currency)
    try:
        for header, lines in _blocks(path, block):
            reader.read(header, lines)
    except (OSError, EOFError, zlib.error) as error:
        raise malformed(f"{path.name!r} cannot be read to its end: {error}") from error
    return reader.columns()


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if compressed else path.open("rb")


def _columns(line: bytes) -> list[str]:
    return line.decode("utf-8", "replace").strip("\r\n").split(",")


def _blocks(path: Path, block: int) -> Iterator[tuple[bytes, bytes]]:
    """The header, and whole lines, some at a time."""
    with _opened(path) as file:
        header = file.readline(65_536)
        absent = [name for name in _MEANT if name not in _columns(header)]
        if absent:
            raise malformed(f"an options_chain file has no column {', '.join(absent)}")
        rest = b""
        while piece := file.read(block):
            whole, newline, rest_of_piece = piece.rpartition(b"\n")
            if newline:
                yield header, rest + whole + newline
                rest = rest_of_piece
            else:
                rest += piece
        if rest:
            yield header, rest + b"\n"


class _Reader:
    """Blocks of a file, on their way to snapshots."""

    def __init__(self, underlying: str, currency: str) -> None:
        self._underlying, self._currency = underlying, currency
        self._parsed: dict[str, Instrument | None] = {}
        self._places: dict[str, int] = {}
        self._thinner = Thinner(len(_VALUES))
        self._sieve = Sieve(0)

    def columns(self) -> QuoteColumns:
        """What there is of all blocks."""
        time, name, values = self._thinner.rows()
        if not len(time):
            left_out = "".join(f"; {rows} rows: {reason}" for reason, rows in self._sieve.dropped.items())
            raise malformed(f"no snapshot has a quote of {self._underlying} in {self._currency}{left_out}")
        return QuoteColumns(time, name, list(self._places), *values, dropped=self._sieve.dropped)

    def read(self, header: bytes, lines: bytes) -> None:
        """The next block."""
        whole = self._whole_lines(header, lines)
        frame = polars.read_csv(
            io.BytesIO(header + whole),
            columns=list(_MEANT),
            infer_schema=False,
            null_values=_MISSING,
            quote_char=None,
            encoding="utf8-lossy",
        )
        sieve = Sieve(len(frame), self._sieve.dropped)
        sieve.demand((frame["exchange"] == _EXCHANGE).fill_null(value=False).to_numpy(), "of another exchange")
        contract, expiry, strike = self._contracts(frame["symbol"].fill_null(""), sieve)
        times = {name: _whole_numbers(frame[name]) for name in _TIMES}
        known = times["local_timestamp"]
        sieve.demand((known >= _YEAR_2000) & (known <= LATEST), "local_timestamp is no time in microseconds")
        sieve.demand(times["timestamp"] >= _YEAR_2000, "timestamp is no time in microseconds")
        sieve.demand(times["timestamp"] <= known + _TREMBLE, "received before it was sent")
        said_strike, readable = _numbers(frame["strike_price"])
        as_named = readable & (said_strike == strike) & (times["expiration"] == expiry)
        sieve.demand(as_named, "strike or expiry are not those of the name")
        sieve.demand(known < expiry, "quoted at or after the expiry")
        values = np.empty((len(_VALUES), len(frame)))
        for place, name in enumerate(_VALUES):
            values[place], readable = _numbers(frame[name])
            sieve.demand(readable, f"{name} is not a number")
        self._sieve = sieve
        self._thinner.add(known[sieve.right], contract[sieve.right], expiry[sieve.right], values[:, sieve.right])

    def _whole_lines(self, header: bytes, lines: bytes) -> bytes:
        """Those with as many fields as the header."""
        text = np.frombuffer(lines, np.uint8)
        ends = np.flatnonzero(text == ord("\n"))
        commas = np.cumsum(text == ord(","), dtype=np.int64)[ends]
        wrong = np.flatnonzero(np.diff(commas, prepend=0) != header.count(b","))
        if not len(wrong):
            return lines
        each = lines.split(b"\n")
        empty = sum(not each[place].strip() for place in wrong)
        self._sieve.count(len(wrong) - empty, "another number of fields than the header")
        left_out = set(wrong.tolist())
        return b"".join(line + b"\n" for place, line in enumerate(each[:-1]) if place not in left_out)

    def _contracts(self, symbols: polars.Series, sieve: Sieve) -> tuple[Ints, Ints, Floats]:
        """The number, the expiry and the strike of each row's contract; -1, 0 and NaN where it is left out."""
        for symbol in symbols.filter(polars.Series(sieve.right)).unique(maintain_order=True):
            if symbol not in self._parsed:
                self._parsed[symbol] = parse_deribit(symbol)
        unique = symbols.unique(maintain_order=True)
        row = symbols.replace_strict(unique, range(len(unique)), return_dtype=polars.Int64).to_numpy()
        found = [self._parsed.get(symbol) for symbol in unique]
        coins = [each is not None and each.underlying == self._underlying for each in found]
        quoted = [each is not None and quote_currency(each) == self._currency for each in found]
        sieve.demand(_of([each is not None for each in found])[row], "the symbol is no option's")
        sieve.demand(_of(coins)[row], f"an option on another coin than {self._underlying}")
        sieve.demand(_of(quoted)[row], f"quoted in another currency than {self._currency}")
        wanted = [each if coin and said else None for each, coin, said in zip(found, coins, quoted, strict=True)]
        for each in wanted:
            if each is not None:
                self._places.setdefault(each.symbol, len(self._places))
        places = [-1 if each is None else self._places[each.symbol] for each in wanted]
        expiries = [0 if each is None else each.expiry_time for each in wanted]
        strikes = [float("nan") if each is None else float(each.strike) for each in wanted]
        return (
            np.array(places, dtype=np.int64)[row],
            np.array(expiries, dtype=np.int64)[row],
            np.array(strikes, dtype=np.float64)[row],
        )


def _of(flags: list[bool]) -> Rows:
    return np.array(flags, dtype=np.bool_)


def _whole_numbers(column: polars.Series) -> Ints:
    """-1 where it is none."""
    return column.cast(polars.Int64, strict=False).fill_null(-1).to_numpy()


def _numbers(column: polars.Series) -> tuple[Floats, Rows]:
    """NaN where it is missing; and where it can be read, or is missing."""
    floats = column.cast(polars.Float64, strict=False)
    readable = (floats.is_not_null() | column.is_null()).to_numpy()
    return floats.fill_null(float("nan")).to_numpy(), readable
