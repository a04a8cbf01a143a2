"""Runs on a week of recorded chains, where they lie beside the checkout: fills only at real bids and asks."""

import re

import numpy as np
import polars
import pytest

from rollbook_server.domain.backtest.market import Bars, MarketData, OptionChains, VolatilityIndex
from rollbook_server.domain.backtest.rows import Rows
from rollbook_server.domain.backtest.spec import BacktestSpec, ExitStyle, QuoteSource
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle, parse_deribit
from tests.support.lab_parity import parity_of, values
from tests.support.lab_replay import history_of, replayed
from tests.support.lab_runs import HOUR, RECORDED, at, resolved, run

CHAINS = "deribit_chain_{}_20251207_13.parquet"
BARS = "{}_spot_1h_202104_202603.parquet"
PRODUCTS = ("BTC", "ETH", "BTC_USDC")

pytestmark = pytest.mark.skipif(
    not all((RECORDED / CHAINS.format(product)).is_file() for product in PRODUCTS),
    reason="no recorded option chains beside the checkout",
)


def micros_of(column: polars.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    stamped = column.str.to_datetime(time_unit="us") if column.dtype == polars.String else column
    return stamped.dt.epoch("us").to_numpy().astype(np.int64)


def spot(coin: str) -> Bars:
    table = polars.read_parquet(RECORDED / BARS.format(coin.lower()))
    opened, high, low, close = (table[name].to_numpy().copy() for name in ("open", "high", "low", "close"))
    return Bars(micros_of(table["ts"]), opened, high, low, close, HOUR)


def index(coin: str) -> VolatilityIndex:
    table = polars.read_parquet(RECORDED / f"{coin.lower()}_dvol_1h_20250615_20251212.parquet")
    return VolatilityIndex(micros_of(table["ts"]) + HOUR, table["dvol_close"].to_numpy() / 100, HOUR)


def recorded(product: str) -> OptionChains:
    table = polars.read_parquet(RECORDED / CHAINS.format(product))
    names = sorted(set(table["instrument_name"]))
    instruments = [parse_deribit(name) for name in names]
    assert all(instruments)
    number = {name: place for place, name in enumerate(names)}
    table = table.with_columns(contract=polars.Series([number[name] for name in table["instrument_name"]])).sort(
        "harvest_time", "contract"
    )
    time = micros_of(table["harvest_time"])
    snapshots, first = np.unique(time, return_index=True)

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return table[name].cast(polars.Float64).fill_null(float("nan")).to_numpy().copy()

    return OptionChains(
        time=snapshots,
        first=np.append(first, len(time)),
        contract=table["contract"].to_numpy(),
        bid=column("best_bid_price"),
        ask=column("best_ask_price"),
        mark=column("mark_price"),
        forward=column("underlying_price"),
        volatility=column("mark_iv") / 100,
        expiry=np.array([each.expiry_time for each in instruments if each]),
        strike=np.array([float(each.strike) for each in instruments if each]),
        is_call=np.array([name.endswith("-C") for name in names]),
    )


def of_week(product: str, strategy: StrategyKind, exit_style: ExitStyle) -> tuple[BacktestSpec, MarketData, Rows]:
    coin = product[:3]
    data = MarketData(spot(coin), chains=recorded(product))
    spec = resolved(
        data,
        strategy,
        ContractStyle.LINEAR if "_" in product else ContractStyle.INVERSE,
        exit_style,
        underlying=coin,
        decision_interval_hours=1,
        max_open_chains=8,
        selection={"min_dte_days": 1.0, "max_dte_days": 20.0, "min_delta": 0.05, "target_delta": 0.3, "max_delta": 0.5},
        exits={"take_profit": 0.2, "max_debit": 0.01} if exit_style is ExitStyle.TP_AND_ROLL else None,
        start_time=at(7),
        end_time=at(27),
    )
    return spec, data, run(spec, data)


@pytest.mark.parametrize("exit_style", ExitStyle)
@pytest.mark.parametrize("strategy", [StrategyKind.COVERED_CALL, StrategyKind.CASH_SECURED_PUT])
@pytest.mark.parametrize("product", PRODUCTS)
def test_fills_are_real_bids_and_asks(product: str, strategy: StrategyKind, exit_style: ExitStyle) -> None:
    """Each sale at a bid and each purchase at an ask of a snapshot of the last half hour; to the end of all expiries,
    and replayed through the ledger with the same result."""
    spec, data, rows = of_week(product, strategy, exit_style)
    chains = data.chains
    assert chains is not None
    assert len(rows.chains) >= 4
    quotes: dict[str, list[tuple[int, float, float]]] = {}
    wanted = {leg.symbol for chain in rows.chains for leg in chain.legs}
    table = polars.read_parquet(RECORDED / CHAINS.format(product)).filter(polars.col("instrument_name").is_in(wanted))
    for name, time, bid, ask in zip(
        table["instrument_name"],
        micros_of(table["harvest_time"]).tolist(),
        table["best_bid_price"],
        table["best_ask_price"],
        strict=True,
    ):
        quotes.setdefault(name, []).append((time, bid, ask))
    for chain in rows.chains:
        for leg in chain.legs:
            assert re.search("-C$" if strategy is StrategyKind.COVERED_CALL else "-P$", leg.symbol)
            seen = [bid for time, bid, _ in quotes[leg.symbol] if leg.open_time - HOUR // 2 <= time <= leg.open_time]
            assert leg.open_price == seen[-1]
            if leg.trigger not in ("expiry", "data_end"):
                assert leg.close_time is not None
                offers = [
                    ask for time, _, ask in quotes[leg.symbol] if leg.close_time - HOUR // 2 <= time <= leg.close_time
                ]
                assert leg.close_price == offers[-1]
        if not chain.open_at_end:
            booked = replayed(spec, chain)
            assert float(booked.net_pnl) == pytest.approx(chain.net_pnl, rel=1e-9, abs=1e-9 * chain.premium)
    if exit_style is ExitStyle.TP_AND_ROLL:
        assert any(chain.num_rolls for chain in rows.chains)


@pytest.mark.parametrize("product", PRODUCTS)
def test_chains_on_recorded_quotes_have_parity(product: str) -> None:
    """Told to the ledger as the engine traded them, nothing of the first chains that ended differs, in any part."""
    spec, data, rows = of_week(product, StrategyKind.COVERED_CALL, ExitStyle.TP_AND_ROLL)
    ended = [chain for chain in rows.chains if not chain.open_at_end]
    assert ended
    for chain in ended[:4]:
        compared = parity_of(spec, data, history_of(spec, chain))
        assert not values(compared.parts)
        assert not values(compared.parts_usd)
        assert compared.lab.legs == chain.legs


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
@pytest.mark.parametrize("strategy", [StrategyKind.COVERED_CALL, StrategyKind.CASH_SECURED_PUT])
@pytest.mark.parametrize("with_index", [False, True])
def test_modelled_runs_on_recorded_bars_reach_their_end(coin: str, strategy: StrategyKind, with_index: bool) -> None:
    """Five years of hours, and the half year of the volatility index, every style and exit: finished, in numbers that
    are numbers."""
    data = MarketData(spot(coin), index(coin) if with_index else None)
    for style in ContractStyle:
        for exit_style in ExitStyle:
            period = (at(16, month=6), at(12)) if with_index else (None, None)
            spec = resolved(
                data, strategy, style, exit_style, underlying=coin, start_time=period[0], end_time=period[1]
            )
            assert spec.fills.quotes is QuoteSource.MODEL
            rows = run(spec, data)
            assert len(rows.chains) > (10 if with_index else 80)
            assert np.isfinite(rows.equity.equity_usd).all()
            assert (rows.equity.equity_usd > 0).mean() > 0.9
