"""Option chains as tardis.dev writes them: snapshots without a look ahead, and rows that are wrong or of others."""

import gzip
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rollbook_server.domain.backtest.content import content_hash
from rollbook_server.domain.backtest.datasets import DatasetKind, Normalised, normalise
from rollbook_server.domain.backtest.market import OptionChains
from rollbook_server.domain.clock import SECOND, Micros
from rollbook_server.domain.errors import InvalidArgument
from rollbook_server.domain.instruments import parse_deribit
from rollbook_server.storage.dataset_tables import read_table
from rollbook_server.storage.tardis_tables import read_options_chain

HEADER = (
    "exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,last_price,bid_price,"
    "bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index,underlying_price,delta,gamma,"
    "vega,theta,rho"
)
CALL, PUT, USDC = "BTC-12DEC25-90000-C", "BTC-12DEC25-90000-P", "BTC_USDC-12DEC25-90000-C"
EXPIRY = parse_deribit(CALL).expiry_time  # type: ignore[union-attr]
MINUTE = 60 * SECOND
NINE = EXPIRY - 4 * 86_400 * SECOND + 3_600 * SECOND
"""09:00, four days before the expiry."""


@dataclass(frozen=True)
class Row:
    """A row of a file; `at` is when it was received."""

    at: Micros
    symbol: str = CALL
    bid: str = "0.0195"
    ask: str = "0.0205"
    mark: str = "0.02"
    iv: str = "45.5"
    forward: str = "91000.5"
    exchange: str = "deribit"
    strike: str = "90000"
    expiration: str = str(EXPIRY)
    sent: Micros | None = None

    def __str__(self) -> str:
        sent = self.at - 4_000 if self.sent is None else self.sent
        kind = "put" if self.symbol.endswith("P") else "call"
        return (
            f"{self.exchange},{self.symbol},{sent},{self.at},{kind},{self.strike},{self.expiration},12.5,,{self.bid},"
            f"3.1,44.9,{self.ask},2,46.1,{self.mark},{self.iv},BTC-12DEC25,{self.forward},0.55,0.00004,30.1,-80.2,9.9"
        )


def write(path: Path, rows: Iterable[Row | str]) -> Path:
    text = ("\n".join([HEADER, *map(str, rows)]) + "\n").encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def read(path: Path, quote_currency: str = "") -> tuple[OptionChains, Normalised]:
    columns = read_table(path, DatasetKind.OPTION_CHAINS, "BTC", quote_currency)
    normalised = normalise(columns, "BTC")
    assert isinstance(normalised.data, OptionChains)
    return normalised.data, normalised


def test_a_snapshot_has_the_newest_quotes_that_were_known(tmp_path: Path) -> None:
    """At 09:00 the quote received last by 09:00 counts, to the microsecond; one received a moment later belongs to the
    next snapshot, whatever time the venue gave it; prices stay in the coin, and an empty field is a missing one."""
    rows = [
        Row(NINE - 2 * MINUTE, bid="0.0190"),
        Row(NINE - MINUTE, PUT, bid="", ask="0.0105", mark="0.01", forward="91001"),
        Row(NINE, bid="0.0192"),
        Row(NINE + 1, bid="0.0199", sent=NINE - MINUTE),
        Row(NINE + 29 * MINUTE, bid="0.0201"),
        Row(NINE + 29 * MINUTE, PUT, bid="0.0091", ask="", mark="0.0092", iv=""),
    ]
    chains, told = read(write(tmp_path / "quotes.csv", rows))
    assert chains.time.tolist() == [NINE, NINE + 30 * MINUTE]
    assert chains.first.tolist() == [0, 2, 4]
    assert chains.bid[0] == 0.0192
    assert np.isnan(chains.bid[1])
    assert chains.bid[2:].tolist() == [0.0201, 0.0091]
    assert np.isnan(chains.ask[3])
    assert np.isnan(chains.volatility[3])
    assert chains.volatility[0] == 0.455
    assert chains.forward.tolist() == [91000.5, 91001.0, 91000.5, 91000.5]
    assert (told.dropped_rows, told.quote_currency) == (0, "USD")


def test_an_old_quote_is_in_no_snapshot(tmp_path: Path) -> None:
    """A quote that was known for more than five minutes is left out of the snapshot, and one that is exactly as old is
    in it; a contract is in no snapshot at its expiry."""
    rows = [Row(NINE - 5 * MINUTE - 1, PUT), Row(NINE - 5 * MINUTE)]
    chains, _ = read(write(tmp_path / "quotes.csv", rows))
    assert (chains.time.tolist(), chains.is_call.tolist()) == ([NINE], [True])
    rows = [*rows, Row(EXPIRY - 31 * MINUTE), Row(EXPIRY - MINUTE)]
    chains, told = read(write(tmp_path / "to-expiry.csv", rows))
    assert chains.time.tolist() == [NINE, EXPIRY - 30 * MINUTE]
    assert told.dropped_rows == 0


def test_what_the_newest_quote_says_counts(tmp_path: Path) -> None:
    """Where the newest quote cannot be right, its contract is not in the snapshot: no older quote takes its place."""
    rows = [Row(NINE - 2 * MINUTE), Row(NINE - MINUTE, PUT, bid="0.02", ask="0.03"), Row(NINE, bid="0.03", ask="0.02")]
    chains, told = read(write(tmp_path / "quotes.csv", rows))
    assert chains.is_call.tolist() == [False]
    assert told.dropped == {"the bid is above the ask": 1}


def test_rows_of_others_and_wrong_ones_are_counted(tmp_path: Path) -> None:
    """Each row that is left out is counted once, with the reason."""
    rows: list[Row | str] = [
        Row(NINE, exchange="okex-options"),
        Row(NINE, "ETH-12DEC25-3000-C"),
        Row(NINE, USDC),
        Row(NINE, "BTC-PERPETUAL"),
        Row(NINE, strike="91000"),
        Row(NINE, expiration=str(EXPIRY + 1)),
        Row(NINE, bid="abc"),
        Row(NINE, sent=NINE + 2 * SECOND),
        "deribit,BTC-12DEC25-90000-C,17",
        str(Row(NINE)) + ",1",
        str(Row(NINE)).replace(f",{NINE},", ",soon,"),
        "",
        Row(NINE, PUT),
        Row(EXPIRY + MINUTE, PUT),
    ]
    chains, told = read(write(tmp_path / "quotes.csv", rows))
    assert (len(chains.contract), chains.is_call.tolist()) == (1, [False])
    assert told.dropped == {
        "another number of fields than the header": 2,
        "of another exchange": 1,
        "the symbol is no option's": 1,
        "an option on another coin than BTC": 1,
        "quoted in another currency than USD": 1,
        "local_timestamp is no time in microseconds": 1,
        "received before it was sent": 1,
        "strike or expiry are not those of the name": 2,
        "quoted at or after the expiry": 1,
        "bid_price is not a number": 1,
    }


def test_usdc_chains_are_asked_for(tmp_path: Path) -> None:
    """A file has chains in the coin and in USDC: a dataset holds one of them, the coin's unless said."""
    rows = [Row(NINE), Row(NINE, USDC, bid="1790", ask="1850", mark="1820")]
    file = write(tmp_path / "quotes.csv", rows)
    assert read(file)[0].bid.tolist() == [0.0195]
    chains, told = read(file, "USDC")
    assert (chains.bid.tolist(), told.quote_currency) == ([1790.0], "USDC")
    other = write(tmp_path / "eth.csv", [Row(NINE, "ETH_USDC-12DEC25-3000-C")])
    with pytest.raises(InvalidArgument, match="no snapshot has a quote of ETH in USD; 1 rows: quoted"):
        read_table(other, DatasetKind.OPTION_CHAINS, "ETH")


def test_blocks_and_compression_change_nothing(tmp_path: Path) -> None:
    """The same rows give the same content, in blocks of any size, compressed or not, with a last line that has no end,
    and with repeated rows."""
    moves = itertools.cycle(range(7))
    rows = [
        Row(NINE + 20 * second * SECOND, symbol, bid=f"{0.01 + 0.0001 * next(moves):.4f}", ask="0.03")
        for second in range(600)
        for symbol in (CALL, PUT, "BTC-12DEC25-95000-C")
    ]
    file = write(tmp_path / "quotes.csv", rows)
    expected = content_hash(read(file)[0])
    assert content_hash(read(write(tmp_path / "quotes.csv.gz", rows))[0]) == expected
    twice = [row for row in rows for _ in range(2)]
    assert content_hash(read(write(tmp_path / "twice.csv", twice))[0]) == expected
    bare = tmp_path / "bare.csv"
    bare.write_bytes(file.read_bytes().removesuffix(b"\n"))
    for block in (100, 1_000, 4_321, 1 << 20):
        columns = read_options_chain(bare, "BTC", block=block)
        assert content_hash(normalise(columns, "BTC").data) == expected, block


def test_a_prefix_has_the_same_snapshots(tmp_path: Path) -> None:
    """What comes later in a file changes no earlier snapshot."""
    rows = [Row(NINE - 20 * MINUTE + 37 * n * SECOND, (CALL, PUT)[n % 2], bid=f"0.01{n % 50:02}") for n in range(400)]
    whole, _ = read(write(tmp_path / "whole.csv", rows))
    for n in (60, 150, 333):
        part, _ = read(write(tmp_path / "part.csv", rows[:n]))
        over = int(np.searchsorted(part.time, rows[n - 1].at, side="right"))
        assert over >= 1
        assert part.time[:over].tolist() == whole.time[:over].tolist()
        upto = part.first[over]
        assert part.bid[:upto].tolist() == whole.bid[:upto].tolist()


def test_what_cannot_be_taken_is_refused(tmp_path: Path) -> None:
    """Rows out of order, a column that is missing, and a compressed file that was cut are refused, with the reason."""
    with pytest.raises(InvalidArgument, match="comes after one of 2025-12-08 09:00:00 UTC: rows must be in the order"):
        read(write(tmp_path / "mixed.csv", [Row(NINE), Row(NINE - MINUTE)]))
    short = tmp_path / "short.csv"
    short.write_text("exchange,symbol,timestamp,local_timestamp\n")
    with pytest.raises(InvalidArgument, match="has no column strike_price, expiration"):
        read(short)
    cut = write(tmp_path / "cut.csv.gz", [Row(NINE + n * SECOND) for n in range(2_000)])
    cut.write_bytes(cut.read_bytes()[:-500])
    with pytest.raises(InvalidArgument, match="cannot be read to its end"):
        read(cut)
    garbage = tmp_path / "garbage.csv.gz"
    garbage.write_bytes(b"\x1f\x8bno more than that")
    with pytest.raises(InvalidArgument, match="cannot be read"):
        read(garbage)
