"""A run's chains are the ledger's: replayed through its exact arithmetic they have the same figures."""

import pytest

from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.spec import ExitStyle
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_replay import replayed
from tests.support.lab_runs import at, random_bars, resolved, run


@pytest.mark.parametrize("exit_style", ExitStyle)
@pytest.mark.parametrize("strategy", [StrategyKind.COVERED_CALL, StrategyKind.CASH_SECURED_PUT])
@pytest.mark.parametrize("style", ContractStyle)
@pytest.mark.parametrize(("underlying", "spot"), [("BTC", 92_000.0), ("ETH", 3_350.0)])
def test_closed_chains_replayed_through_the_ledger_have_the_same_figures(
    underlying: str, spot: float, style: ContractStyle, strategy: StrategyKind, exit_style: ExitStyle
) -> None:
    """Net and gross PnL, fees, USD, collateral days to 1e-9 of themselves (PnL: of its premiums, from which it is a
    difference); reason, rolls and times to the letter. Two years, across the change of fees in August 2026."""
    bars = random_bars(2 * 365 * 24, seed=6, spot=spot, volatility=0.6, start=at(1, month=9), cents=True)
    data = MarketData(bars)
    spec = resolved(
        data,
        strategy,
        style,
        exit_style,
        underlying=underlying,
        level=0.65,
        max_open_chains=2,
        quantity=3.0,
        selection={"min_delta": 0.15, "target_delta": 0.3, "max_delta": 0.45},
        exits={"max_debit": 0.01, "stop": 4.0} if exit_style is ExitStyle.TP_AND_ROLL else None,
    )
    chains = [chain for chain in run(spec, data).chains if not chain.open_at_end]
    assert len(chains) > 50
    assert len({chain.close_reason for chain in chains}) >= 2
    for chain in chains:
        booked = replayed(spec, chain)
        assert float(booked.net_pnl) == pytest.approx(chain.net_pnl, rel=1e-9, abs=1e-9 * chain.premium)
        assert float(booked.gross_pnl) == pytest.approx(chain.gross_pnl, rel=1e-9, abs=1e-9 * chain.premium)
        assert float(booked.fees) == pytest.approx(chain.fees, rel=1e-9)
        assert booked.net_pnl_usd is not None
        in_usd = chain.premium * (spot if style is ContractStyle.INVERSE else 1)
        assert float(booked.net_pnl_usd) == pytest.approx(chain.net_pnl_usd, rel=1e-9, abs=1e-9 * in_usd)
        assert booked.collateral_days is not None
        assert float(booked.collateral_days) == pytest.approx(chain.collateral_days, rel=1e-9)
        assert float(booked.total_premium) == pytest.approx(chain.premium, rel=1e-9)
        assert (booked.close_reason, booked.num_rolls) == (chain.close_reason, chain.num_rolls)
        assert (booked.open_time, booked.close_time) == (chain.open_time, chain.close_time)
