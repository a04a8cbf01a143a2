"""An options_chain file of tardis.dev, from the server's disk to a run on its quotes."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import NormalDist

from rollbook import DatasetKind, DataSpec, Lab, SelectionSpec
from rollbook.models import BacktestSpec, BacktestState, ContractStyle, DroppedRows, QuoteSource, StrategyKind
from tests.support.server import RunningServer
from tests.unit.test_datasets_tardis import HEADER

FIRST = datetime(2025, 12, 1, tzinfo=UTC)
DAYS = 12
EXPIRY = datetime(2025, 12, 12, 8, tzinfo=UTC)
SPOT = 90_000.0
STRIKES = range(86_000, 100_000, 1_000)


def _mark(strike: float, years: float) -> float:
    """Black's price of a call at a volatility of one half, in the coin."""
    deviation = 0.5 * years**0.5
    upper = NormalDist().cdf((0.125 * years - math.log(strike / SPOT)) / deviation)
    lower = NormalDist().cdf((-0.125 * years - math.log(strike / SPOT)) / deviation)
    return upper - strike / SPOT * lower


def _rows() -> Iterator[str]:
    """A quote of each call every 10 minutes, received a second before; and a row of another exchange."""
    yield "okex-options,BTC-USD-251212-90000-C,1,1,call,90000,1,,,,,,,,,,,,,,,,,"
    when = FIRST
    while when < FIRST + timedelta(days=DAYS) and when < EXPIRY:
        received = int(when.timestamp() - 1) * 1_000_000
        for strike in STRIKES:
            mark = _mark(strike, (EXPIRY - when) / timedelta(days=365))
            bid, ask = (f"{max(mark - 0.0005, 0):.4f}", f"{mark + 0.0006:.4f}")
            yield (
                f"deribit,BTC-12DEC25-{strike}-C,{received - 5_000},{received},call,{strike},"
                f"{int(EXPIRY.timestamp()) * 1_000_000},10,,{'' if float(bid) == 0 else bid},1,,{ask},1,,{mark:.6f},50,"
                f"BTC-12DEC25,{SPOT},,,,,"
            )
        when += timedelta(minutes=10)


def test_a_run_on_an_options_chain_file(tmp_path: Path) -> None:
    """The file becomes chains of one snapshot each half hour, in the coin, and a run sells at their bids; the rows that
    were left out are told with their reasons."""
    quotes = tmp_path / "deribit_options_chain_2025-12_OPTIONS.csv.gz"
    quotes.write_bytes(gzip.compress("\n".join([HEADER, *_rows(), ""]).encode()))
    hours = [int((FIRST + timedelta(hours=hour)).timestamp()) for hour in range(DAYS * 24)]
    bars = tmp_path / "bars.csv"
    bars.write_text("\n".join(["time,price", *(f"{hour},{SPOT}" for hour in hours), ""]))
    with RunningServer(tmp_path / "ledger.db") as server, Lab(server.target) as lab:
        spot = lab.register_dataset(kind=DatasetKind.BARS, underlying="BTC", path=str(bars))
        chains = lab.register_dataset(kind=DatasetKind.OPTION_CHAINS, underlying="BTC", path=str(quotes))
        assert (chains.source, chains.quote_currency, chains.interval_seconds) == (quotes.name, "USD", 1_800)
        assert chains.first_time == FIRST
        assert chains.dropped == (DroppedRows(reason="of another exchange", rows=1),)
        assert lab.register_dataset(kind=DatasetKind.OPTION_CHAINS, underlying="BTC", path=str(quotes)) == chains
        created = lab.create_backtest(
            BacktestSpec(
                underlying="BTC",
                strategy=StrategyKind.COVERED_CALL,
                style=ContractStyle.INVERSE,
                selection=SelectionSpec(min_dte_days=5, max_dte_days=14),
                data=DataSpec(spot_dataset_id=spot.dataset_id, quotes_dataset_id=chains.dataset_id),
            )
        )
        ended = created
        with closing(lab.watch_backtests(created.backtest_id)) as messages:
            while ended.status is None or ended.status.state not in (BacktestState.SUCCEEDED, BacktestState.FAILED):
                ended = next(iter(next(messages).backtests), ended)
        assert ended.status is not None
        assert ended.status.state is BacktestState.SUCCEEDED, ended.status.error
        assert ended.spec is not None
        assert ended.spec.fills is not None
        assert ended.spec.fills.quotes is QuoteSource.RECORDED
        sold = [leg for chain in lab.iterate_backtest_chains(created.backtest_id) for leg in chain.legs]
        assert sold
        assert all(f",{leg.open_price:.4f},1,,".encode() in gzip.decompress(quotes.read_bytes()) for leg in sold)
