"""The position payloads of the tracker that Rollbook replaces, made from chains and their values.

`open_payload` and `closed_payload` are pure: they take what `list_chains` answers and give dicts that `json.dumps`
writes as they are. Their keys are the old ones, and further ones follow.

**Numbers.** Where the old payload had a number there is a JSON number: PnL in USD, percentages, quantities, and prices
in the contract's own quote unit (BTC for a coin-settled option). Everything is reckoned in Decimal and becomes a float
last. The further keys hold exact figures as strings in plain notation; money is in `settlement_currency` unless the
key ends in _usd. Times are ISO 8601 in UTC and end in Z.

**What is not known is null** and said: `usd_missing` is true where the figure is known in the settlement currency and
not in USD, for want of an index price; `missing_marks` counts open legs without a mark. Totals are of LIVE chains,
`totals_dry_run` of the others; they sum what is known, are null where there is something and nothing of it is known,
and count the chains that are left out: `missing_marks` and `usd_missing`.

**Percentages** of totals divide sums, in the currency named by `…_pct_basis`: the settlement currency if all chains
share one. Chains of several currencies are divided in USD where that is known (open positions); else there is no such
percentage (null), and `by_currency` has one for each.

Words are those of the old tracker, which are the API's: "SHORT", "CALL", "COVERED_CALL", "LIVE". Different from it on
purpose: `unrealized_pnl_pct` is the premium captured of what is open now; entry price and time are those of the
contract that is shown; a missing mark is null and not the entry price; `exit_style` is null where none was said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from rollbook._exact import percent, plain, total
from rollbook._payload_types import (
    ClosedChain,
    ClosedPayload,
    ClosedTotals,
    LegPayload,
    OpenPayload,
    OpenPosition,
    OpenTotals,
)
from rollbook.models import (
    ChainState,
    ChainValuation,
    CloseReason,
    LegState,
    LegValuation,
    Mode,
    PositionChain,
    PositionLeg,
    Side,
)

__all__ = ["closed_payload", "open_payload"]

Held = tuple[PositionChain, ChainValuation]
Item = TypeVar("Item")

_ENDED = {
    CloseReason.BOUGHT_BACK: "bought back",
    CloseReason.EXPIRED: "expired worthless or at the strike",
    CloseReason.SETTLED: "delivered in the money",
    CloseReason.ROLL_ABANDONED: "its roll was given up half done",
}


def open_payload(chains: Iterable[PositionChain], valuations: Iterable[ChainValuation], now: datetime) -> OpenPayload:
    """The open positions among the chains, in their order. Others (PENDING, CLOSED) are passed over.

    Args:
        chains: Of any state and mode, for example `ListChainsResponse.chains`.
        valuations: What they are worth, for example `ListChainsResponse.valuations`; a chain without one has no mark.
        now: For the days to expiry. Raises ValueError if it is naive.
    """
    if now.utcoffset() is None:
        raise ValueError(f"{now!r} is naive: give it a timezone")
    held = positions_of(chains, valuations)
    return {
        "positions": [_position(chain, value, now) for chain, value in held],
        "totals": _open_totals([each for each in held if each[0].mode is Mode.LIVE]),
        "totals_dry_run": _open_totals([each for each in held if each[0].mode is Mode.DRY_RUN]),
    }


def closed_payload(chains: Iterable[PositionChain], valuations: Iterable[ChainValuation] = ()) -> ClosedPayload:
    """The closed ones among the chains, in their order. One whose orders never filled is in no statistic, nor here.

    Args:
        chains: Of any state and mode, for example `ListChainsResponse.chains`.
        valuations: For the drawdowns, for example `ListChainsResponse.valuations`.
    """
    values = _values(valuations)
    over = [chain for chain in chains if chain.state is ChainState.CLOSED and chain.legs]
    return {
        "chains": [_closed_chain(chain, values.get((chain.account, chain.position_id))) for chain in over],
        "totals": _closed_totals([chain for chain in over if chain.mode is Mode.LIVE]),
        "totals_dry_run": _closed_totals([chain for chain in over if chain.mode is Mode.DRY_RUN]),
    }


def positions_of(chains: Iterable[PositionChain], valuations: Iterable[ChainValuation]) -> list[Held]:
    """The chains that are positions, each with its value."""
    values = _values(valuations)
    return [
        (chain, values.get((chain.account, chain.position_id)) or _without_mark(chain))
        for chain in chains
        if chain.state in (ChainState.OPEN, ChainState.FLAT)
    ]


def _values(valuations: Iterable[ChainValuation]) -> dict[tuple[str, str], ChainValuation]:
    return {(value.account, value.position_id): value for value in valuations}


def open_legs(chain: PositionChain) -> list[PositionLeg]:
    """What is held, or waits for its delivery."""
    return [leg for leg in chain.legs if leg.state in (LegState.OPEN, LegState.AWAITING_DELIVERY)]


# Rows


def _without_mark(chain: PositionChain) -> ChainValuation:
    """What nobody has valued: worth 0 if nothing is open, else unknown."""
    missing = len(open_legs(chain))
    nothing = None if missing else Decimal(0)
    return ChainValuation(unrealized_pnl=nothing, unrealized_pnl_usd=nothing, missing_marks=missing)


def _position(chain: PositionChain, value: ChainValuation, now: datetime) -> OpenPosition:
    held = open_legs(chain)
    shown = _shown(held or chain.legs)
    contract = shown and shown.instrument
    marks = {mark.leg_number: mark for mark in value.legs}
    mark = marks.get(shown.leg_number) if shown else None
    expiry = contract.expiry_time if contract else None
    return {
        "position_id": chain.position_id,
        "underlying": chain.underlying,
        "symbol": contract.symbol if contract else None,
        "option_type": contract.option_type.value if contract else None,
        "strategy_type": chain.strategy.value,
        "side": _side(shown),
        "quantity": _number(shown.open_quantity) if shown else None,
        "entry_price": _number(shown.entry_price) if shown else None,
        "mark_price": _number(mark.mark_price) if mark else None,
        "unrealized_pnl": _number(value.unrealized_pnl_usd),
        "unrealized_pnl_pct": _number(value.premium_captured_pct),
        "entry_time": _time(shown.open_time) if shown else None,
        "expiry": _time(expiry),
        "dte": None if expiry is None else max((expiry - now) / timedelta(days=1), 0.0),
        "num_rolls": chain.num_rolls,
        "mode": chain.mode.value,
        "exit_style": chain.exit_style or None,
        "account": chain.account,
        "state": chain.state.value,
        "flat_reason": chain.flat_reason or None,
        "strategy_name": chain.strategy_name or None,
        "open_time": _time(chain.open_time),
        "settlement_currency": chain.settlement_currency,
        "open_credit": _text(chain.open_credit),
        "unrealized_pnl_native": _text(value.unrealized_pnl),
        "unrealized_pnl_usd": _text(value.unrealized_pnl_usd),
        "gross_pnl": _text(chain.gross_pnl),
        "fees": _text(chain.fees),
        "fees_complete": chain.fees_complete,
        "fees_estimated": chain.fees_estimated,
        "net_pnl": _text(chain.net_pnl),
        "net_pnl_usd": _text(chain.net_pnl_usd),
        "usd_missing": value.unrealized_pnl is not None and value.unrealized_pnl_usd is None,
        "missing_marks": value.missing_marks,
        "mark_time": _time(value.mark_time),
        "collateral": _text(chain.collateral),
        "collateral_insufficient": chain.collateral_insufficient,
        "legs": [_leg(leg, marks.get(leg.leg_number)) for leg in held],
    }


def _closed_chain(chain: PositionChain, seen: ChainValuation | None) -> ClosedChain:
    shown = _shown(chain.legs)
    contract = shown and shown.instrument
    return {
        "position_id": chain.position_id,
        "underlying": chain.underlying,
        "symbol": contract.symbol if contract else None,
        "option_type": contract.option_type.value if contract else None,
        "strategy_type": chain.strategy.value,
        "open_time": _time(chain.open_time),
        "close_time": _time(chain.close_time),
        "holding_days": _number(chain.holding_days),
        "num_legs": chain.num_legs,
        "num_rolls": chain.num_rolls,
        "realized_pnl": _number(chain.net_pnl_usd),
        "realized_pnl_pct": _number(chain.realized_pnl_pct),
        "max_drawdown_pct": _number(seen.max_drawdown_pct if seen else None),
        "mode": chain.mode.value,
        "exit_style": chain.exit_style or None,
        "note": _note(chain),
        "account": chain.account,
        "close_reason": chain.close_reason.value,
        "side": _side(shown),
        "expiry": _time(contract.expiry_time) if contract else None,
        "strategy_name": chain.strategy_name or None,
        "settlement_currency": chain.settlement_currency,
        "gross_pnl": _text(chain.gross_pnl),
        "fees": _text(chain.fees),
        "fees_complete": chain.fees_complete,
        "fees_estimated": chain.fees_estimated,
        "net_pnl": _text(chain.net_pnl),
        "net_pnl_usd": _text(chain.net_pnl_usd),
        "usd_missing": chain.net_pnl_usd is None,
        "premium_kept_pct": _text(chain.premium_kept_pct),
        "return_on_collateral_pct": _text(chain.return_on_collateral_pct),
        "legs": [_leg(leg, None) for leg in chain.legs],
    }


def _leg(leg: PositionLeg, mark: LegValuation | None) -> LegPayload:
    contract = leg.instrument
    return {
        "leg_number": leg.leg_number,
        "symbol": contract.symbol if contract else "",
        "option_type": contract.option_type.value if contract else None,
        "side": _side(leg),
        "state": leg.state.value,
        "strike": _text(contract.strike) if contract else None,
        "expiry": _time(contract.expiry_time) if contract else None,
        "open_quantity": _text(leg.open_quantity),
        "opened_quantity": _text(leg.opened_quantity),
        "entry_price": _text(leg.entry_price),
        "exit_price": _text(leg.exit_price),
        "delivery_price": _text(leg.delivery_price),
        "mark_price": _text(mark.mark_price) if mark else None,
        "unrealized_pnl_native": _text(mark.unrealized_pnl) if mark else None,
        "unrealized_pnl_usd": _text(mark.unrealized_pnl_usd) if mark else None,
        "net_pnl": _text(leg.net_pnl),
    }


def _shown(legs: Sequence[PositionLeg]) -> PositionLeg | None:
    """The leg that stands for a chain: a long wing says less about a position than what it protects."""
    return max(legs, key=lambda leg: (leg.side is Side.SELL, leg.leg_number), default=None)


def _side(leg: PositionLeg | None) -> str | None:
    return None if leg is None else {Side.SELL: "SHORT", Side.BUY: "LONG"}.get(leg.side)


def _note(chain: PositionChain) -> str:
    said = [_ENDED.get(chain.close_reason, chain.close_reason.value)]
    if not chain.fees_complete:
        said.append("a fee is missing")
    if chain.fees_estimated:
        said.append("a fee is estimated")
    if chain.usd_missing_lines:
        said.append(f"no USD: {chain.usd_missing_lines} cash lines have no index price")
    return "; ".join(said)


# Totals


def _open_totals(held: Sequence[Held]) -> OpenTotals:
    valued = [each for each in held if each[1].unrealized_pnl is not None]
    in_usd = [each for each in valued if each[1].unrealized_pnl_usd is not None]
    groups = _by_currency(valued, lambda each: each[0])
    exposed = {currency for currency, members in groups.items() if any(open_legs(chain) for chain, _ in members)}
    basis = next(iter(exposed)) if len(exposed) == 1 else "USD"
    captured = _captured(groups[basis]) if len(exposed) == 1 else _captured_usd(in_usd)
    return {
        "positions_count": len(held),
        "unrealized_pnl": _number(total(value.unrealized_pnl_usd for _, value in in_usd))
        if in_usd or not held
        else None,
        "unrealized_pnl_pct": _number(captured),
        "unrealized_pnl_pct_basis": None if captured is None else basis,
        "missing_marks": len(held) - len(valued),
        "usd_missing": len(valued) - len(in_usd),
        "by_currency": [
            {
                "settlement_currency": currency,
                "positions_count": len(members),
                "unrealized_pnl_native": plain(total(value.unrealized_pnl for _, value in members)),
                "unrealized_pnl_pct": _text(_captured(members)),
            }
            for currency, members in groups.items()
        ],
    }


def _closed_totals(chains: Sequence[PositionChain]) -> ClosedTotals:
    in_usd = [chain for chain in chains if chain.net_pnl_usd is not None]
    groups = _by_currency(chains, lambda chain: chain)
    basis = next(iter(groups)) if len(groups) == 1 else None
    realized = _realized(groups[basis]) if basis else None
    return {
        "chains_count": len(chains),
        "realized_pnl": _number(total(chain.net_pnl_usd for chain in in_usd)) if in_usd or not chains else None,
        "realized_pnl_pct": _number(realized),
        "realized_pnl_pct_basis": None if realized is None else basis,
        "usd_missing": len(chains) - len(in_usd),
        "by_currency": [
            {
                "settlement_currency": currency,
                "chains_count": len(members),
                "net_pnl": plain(total(chain.net_pnl for chain in members)),
                "realized_pnl_pct": _text(_realized(members)),
            }
            for currency, members in groups.items()
        ],
    }


def _by_currency(items: Iterable[Item], chain_of: Callable[[Item], PositionChain]) -> dict[str, list[Item]]:
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(chain_of(item).settlement_currency, []).append(item)
    return dict(sorted(groups.items()))


def _captured(held: Sequence[Held]) -> Decimal | None:
    """In one settlement currency: what is gained on the credit of what is open."""
    return percent(
        total(value.unrealized_pnl for _, value in held), total(chain.open_credit for chain, _ in held).copy_abs()
    )


def _captured_usd(held: Sequence[Held]) -> Decimal | None:
    credit = total(leg.open_credit_usd for chain, _ in held for leg in open_legs(chain))
    return percent(total(value.unrealized_pnl_usd for _, value in held), credit.copy_abs())


def _realized(chains: Sequence[PositionChain]) -> Decimal | None:
    """In one settlement currency: what is kept of the first legs' premium."""
    return percent(total(chain.net_pnl for chain in chains), total(chain.leg_one_premium for chain in chains))


# Figures


def _number(figure: Decimal | None) -> float | None:
    """A JSON number: the only place where digits are given up."""
    number = None if figure is None else float(figure)
    return number if number is not None and math.isfinite(number) else None


def _text(figure: Decimal | None) -> str | None:
    return None if figure is None else plain(figure)


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")
