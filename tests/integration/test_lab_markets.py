"""The lab on recorded markets, through a real server: each strategy, style, exit and coin runs to its end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rollbook import (
    Backtest,
    BacktestSpec,
    BacktestState,
    ContractStyle,
    DatasetKind,
    DataSpec,
    ExitStyle,
    Lab,
    QuoteSource,
    SelectionSpec,
    StrategyKind,
    VolatilitySource,
    VolatilitySpec,
)
from tests.support.lab_runs import RECORDED
from tests.support.server import RunningServer

BARS = {coin: f"{coin.lower()}_spot_1h_202104_202603.parquet" for coin in ("BTC", "ETH")}
DVOL = {coin: f"{coin.lower()}_dvol_1h_20250615_20251212.parquet" for coin in ("BTC", "ETH")}
CHAINS = {product: f"deribit_chain_{product}_20251207_13.parquet" for product in ("BTC", "ETH", "BTC_USDC")}

pytestmark = pytest.mark.skipif(
    not all((RECORDED / name).is_file() for name in (*BARS.values(), *DVOL.values(), *CHAINS.values())),
    reason=f"there are no recorded markets in {RECORDED.parent.name}/{RECORDED.name} beside the checkout",
)

STRATEGIES = (StrategyKind.COVERED_CALL, StrategyKind.CASH_SECURED_PUT)
STYLES = (ContractStyle.INVERSE, ContractStyle.LINEAR)
EXITS = (ExitStyle.HOLD_TO_EXPIRY, ExitStyle.TP_AND_ROLL)
PATIENCE = 60.0


class _Page(HTMLParser):
    """What a page would ask the network for."""

    def __init__(self) -> None:
        super().__init__()
        self.asks: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.asks += [
            value or "" for name, value in attrs if name in ("src", "href") and not (value or "").startswith("#")
        ]


class Markets:
    """A lab with all recorded data."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._ids: dict[str, str] = {}

    def dataset(self, name: str, kind: DatasetKind, coin: str) -> str:
        """The id of a file, registered at its first use."""
        if name not in self._ids:
            dataset = self.lab.register_dataset(path=str(RECORDED / name), kind=kind, underlying=coin)
            self._ids[name] = dataset.dataset_id
        return self._ids[name]

    def bars(self, coin: str) -> str:
        return self.dataset(BARS[coin], DatasetKind.BARS, coin)

    def dvol(self, coin: str) -> str:
        return self.dataset(DVOL[coin], DatasetKind.VOLATILITY, coin)

    def chains(self, product: str) -> str:
        return self.dataset(CHAINS[product], DatasetKind.OPTION_CHAINS, product.partition("_")[0])

    def ended(self, **spec: Any) -> Backtest:
        """A run, when it has succeeded; its report asks nobody for anything."""
        run = self.lab.create_backtest(BacktestSpec(**spec))
        for message in self.lab.watch_backtests(run.backtest_id):
            for seen in message.backtests:
                assert seen.status is not None
                if seen.status.state in (BacktestState.SUCCEEDED, BacktestState.FAILED):
                    assert seen.status.state is BacktestState.SUCCEEDED, seen.status.error
                    page = _Page()
                    page.feed(self.lab.get_backtest_report(seen.backtest_id))
                    assert page.asks == []
                    assert "svg" in page.tags
                    return seen
        raise AssertionError("the watch ended before the run")


@pytest.fixture(scope="module")
def markets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Markets]:
    folder: Path = tmp_path_factory.mktemp("markets")
    with RunningServer(folder / "ledger.db", "--lab-workers", "2") as server, Lab(server.target, deadline=60) as lab:
        yield Markets(lab)


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
@pytest.mark.parametrize(("strategy", "style", "exit_style"), [*itertools.product(STRATEGIES, STYLES, EXITS)])
def test_five_years_of_hourly_bars(
    coin: str, strategy: StrategyKind, style: ContractStyle, exit_style: ExitStyle, markets: Markets
) -> None:
    """Runs over all of 2021 to 2026, and its chains make up its profit: what was realized, and what is still open."""
    run = markets.ended(
        underlying=coin,
        strategy=strategy,
        style=style,
        exit_style=exit_style,
        data=DataSpec(spot_dataset_id=markets.bars(coin)),
    )
    assert run.status is not None
    assert run.status.metrics is not None
    metrics = run.status.metrics
    assert run.status.decisions_done == run.status.decisions_total > 1_800
    assert metrics.closed_chains is not None
    assert metrics.closed_chains >= 100
    chains = list(markets.lab.iterate_backtest_chains(run.backtest_id, page_size=500))
    points = list(markets.lab.iterate_equity_points(run.backtest_id, max_points=2))
    pnl = sum(chain.net_pnl if style is ContractStyle.INVERSE else chain.net_pnl_usd for chain in chains)
    last = points[-1]
    unit = last.index_price if style is ContractStyle.INVERSE else 1.0
    assert last.equity_usd - last.hodl_usd == pytest.approx(pnl * unit, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_months_of_the_volatility_index(coin: str, strategy: StrategyKind, markets: Markets) -> None:
    """With a volatility index the run goes by it, over the months that it covers, and says how much of it was stale."""
    spot, index = markets.bars(coin), markets.dvol(coin)
    facts = markets.lab.get_dataset(index)
    run = markets.ended(
        underlying=coin,
        strategy=strategy,
        style=ContractStyle.INVERSE,
        start_time=facts.first_time,
        end_time=facts.last_time,
        data=DataSpec(spot_dataset_id=spot, volatility_dataset_id=index),
    )
    assert run.spec is not None
    assert run.spec.volatility is not None
    assert (run.spec.volatility.source, run.spec.volatility.multiplier) == (VolatilitySource.INDEX, 0.95)
    assert run.status is not None
    assert run.status.metrics is not None
    assert run.status.metrics.data is not None
    assert run.status.metrics.closed_chains
    assert run.status.metrics.data.stale_volatility_pct is not None
    assert run.status.metrics.data.stale_volatility_pct < 1


@pytest.mark.parametrize("product", ["BTC", "ETH", "BTC_USDC"])
@pytest.mark.parametrize(("strategy", "exit_style"), [*itertools.product(STRATEGIES, EXITS)])
def test_the_recorded_week(product: str, strategy: StrategyKind, exit_style: ExitStyle, markets: Markets) -> None:
    """On recorded chains it trades at their bids and asks, and no leg is quoted by the model."""
    coin = product.partition("_")[0]
    quotes = markets.chains(product)
    facts = markets.lab.get_dataset(quotes)
    run = markets.ended(
        underlying=coin,
        strategy=strategy,
        style=ContractStyle.LINEAR if "_" in product else ContractStyle.INVERSE,
        exit_style=exit_style,
        start_time=facts.first_time,
        end_time=facts.last_time,
        decision_interval_hours=1,
        selection=SelectionSpec(min_dte_days=1, max_dte_days=14),
        volatility=VolatilitySpec(allow_short_dated=True),
        data=DataSpec(spot_dataset_id=markets.bars(coin), quotes_dataset_id=quotes),
    )
    assert run.spec is not None
    assert run.spec.fills is not None
    assert run.spec.fills.quotes is QuoteSource.RECORDED
    assert run.status is not None
    assert run.status.metrics is not None
    assert run.status.metrics.data is not None
    assert list(markets.lab.iterate_backtest_chains(run.backtest_id))
    assert run.status.metrics.data.modelled_legs_pct == 0
    assert run.status.metrics.data.missing_snapshots_pct is not None
    assert run.status.metrics.data.missing_snapshots_pct > 0
