"""Black-76: against QuantLib, against recorded marks, against itself."""

import csv
import math

import numpy as np
import pytest
import QuantLib

from rollbook_server.domain.backtest.pricing import deltas, gammas, prices, thetas, vegas
from tests.support.lab_runs import RECORDED

PAIRS = RECORDED / "mark_from_iv_pairs.csv"
MARK_BARS = {"BTC": 2e-5, "ETH": 8e-5, "BTC_USDC": 2.6, "ETH_USDC": 0.04, "SOL_USDC": 0.0021, "XRP_USDC": 7e-5}
"""Largest errors of a mark that follows from its volatility, in its own unit, as the recording's notes give them."""

CASES = [
    (forward, forward * moneyness, days / 365, volatility, is_call)
    for forward in (92_000.0, 3_350.0)
    for moneyness in (0.8, 0.95, 1.0, 1.02, 1.2)
    for days in (0.5, 7.0, 30.0, 180.0)
    for volatility in (0.3, 0.8)
    for is_call in (True, False)
]


def reference(case: tuple[float, float, float, float, bool]) -> QuantLib.BlackCalculator:
    forward, strike, years, volatility, is_call = case
    kind = QuantLib.Option.Call if is_call else QuantLib.Option.Put
    return QuantLib.BlackCalculator(
        QuantLib.PlainVanillaPayoff(kind, strike), forward, volatility * math.sqrt(years), 1.0
    )


@pytest.mark.parametrize("case", CASES)
def test_prices_and_greeks_are_those_of_quantlib(case: tuple[float, float, float, float, bool]) -> None:
    """Price to 1e-10 of itself (or of a trillionth of the forward, where nothing is left of it), delta, gamma, vega and
    theta to 1e-8 of their scale, in the venue's units: vega per point, theta per day."""
    forward, _, years, _, _ = case
    calculator = reference(case)
    assert prices(*case) == pytest.approx(calculator.value(), rel=1e-10, abs=1e-12 * forward)
    assert deltas(*case) == pytest.approx(calculator.deltaForward(), abs=1e-10)
    assert gammas(*case[:4]) == pytest.approx(calculator.gammaForward(), rel=1e-8, abs=1e-12 / forward)
    assert vegas(*case) == pytest.approx(calculator.vega(years) / 100, rel=1e-8, abs=1e-12 * forward)
    assert thetas(*case[:4]) == pytest.approx(calculator.theta(forward, years) / 365, rel=1e-8, abs=1e-10 * forward)


def test_arrays_are_priced_as_their_elements_are() -> None:
    """The functions broadcast, and one element is one call."""
    strikes = np.array([[80_000.0], [100_000.0]])
    volatilities = np.array([0.3, 0.5, 0.7])
    table = prices(92_000.0, strikes, 0.1, volatilities, True)
    assert table.shape == (2, 3)
    assert table[1, 2] == prices(92_000.0, 100_000.0, 0.1, 0.7, True)


def test_call_less_put_is_forward_less_strike() -> None:
    """Put-call parity, to rounding."""
    strikes = np.linspace(50_000, 150_000, 41)
    calls, puts = (prices(92_000.0, strikes, 0.25, 0.6, is_call) for is_call in (True, False))
    np.testing.assert_allclose(calls - puts, 92_000 - strikes, atol=1e-9)


@pytest.mark.parametrize(("years", "volatility"), [(0.0, 0.5), (0.1, 0.0), (-0.1, 0.5)])
def test_without_time_or_volatility_an_option_is_worth_what_it_pays(years: float, volatility: float) -> None:
    """No division by zero at expiry: the payoff, a delta of 0 or 1, nothing else."""
    assert prices(100.0, 90.0, years, volatility, True) == 10.0
    assert deltas(100.0, 90.0, years, volatility, True) == 1.0
    assert prices(100.0, 90.0, years, volatility, False) == 0.0
    assert deltas(100.0, 90.0, years, volatility, False) == 0.0
    for greek in (gammas, thetas):
        assert greek(100.0, 90.0, years, volatility) == 0.0


@pytest.mark.skipif(not PAIRS.is_file(), reason=f"no recorded marks at {PAIRS.name} beside the checkout")
@pytest.mark.parametrize("product", MARK_BARS)
def test_recorded_marks_follow_from_their_volatility(product: str) -> None:
    """The venue's own marks, within the errors that rounding of volatility and index leave."""
    with PAIRS.open() as file:
        rows = [row for row in csv.DictReader(file) if row["product"] == product]
    assert rows

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([float(row[name]) for row in rows])

    forward, strike = column("underlying_price"), column("K")
    years = (column("expiry_unix") - column("snapshot_unix")) / (365 * 86_400)
    unit = 1 / forward if "_" not in product else column("index_price_used") / forward
    for kind, is_call in (("call_mark", True), ("put_mark", False)):
        modelled = prices(forward, strike, years, column("mark_iv") / 100, is_call) * unit
        assert np.abs(modelled - column(kind)).max() <= MARK_BARS[product], kind
