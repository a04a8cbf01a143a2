"""Statistics of closed chains: choose, group, count. Pure. A sum of which a part is unknown is unknown, and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from rollbook.models import Mode
from rollbook_web import numbers
from rollbook_web.closed_chains import ClosedChain
from rollbook_web.numbers import EXACT, Figure, things

Delta = Callable[[ClosedChain], float | None]
"""Reads a chain's delta at entry; None if nobody knows it."""

DELTAS = (0.10, 0.15, 0.20, 0.25, 0.30, 0.40)
DAYS = (2, 7, 14, 30, 60)
UNKNOWN = "not known"


@dataclass(frozen=True)
class Choice:
    """Which chains, as the address says. What is "" or None is any. LIVE and DRY_RUN are never taken together."""

    mode: Mode = Mode.LIVE
    account: str = ""
    underlying: str = ""
    strategy: str = ""
    since: date | None = None
    until: date | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choice:
        """What cannot be read is passed over."""
        mode = Mode.DRY_RUN if query.get("mode") == "DRY_RUN" else Mode.LIVE
        return cls(
            mode,
            query.get("account", ""),
            query.get("underlying", ""),
            query.get("strategy", ""),
            _day(query.get("since", "")),
            _day(query.get("until", "")),
        )

    def takes(self, chain: ClosedChain) -> bool:
        """Days are those of the end, UTC, both included."""
        return (
            chain.mode is self.mode
            and self.account in ("", chain.account)
            and self.underlying in ("", chain.underlying)
            and self.strategy in ("", strategy_of(chain))
            and (self.since is None or chain.close_time >= _midnight(self.since))
            and (self.until is None or chain.close_time < _midnight(self.until) + timedelta(days=1))
        )


def strategy_of(chain: ClosedChain) -> str:
    """Kind and name."""
    kind = numbers.words(chain.strategy)
    return f"{kind} · {chain.strategy_name}" if chain.strategy_name else kind


@dataclass(frozen=True)
class Group:
    """Statistics of some chains. Money is by currency; a win is a chain with a profit in its own currency."""

    name: str
    chains: Figure
    won: Figure
    net: tuple[Figure, ...]
    net_usd: Figure
    kept: Figure
    held: Figure
    rolls: Figure


WAYS: dict[str, str] = {
    "strategy": "Strategy",
    "month": "Month",
    "delta": "Delta at entry",
    "days": "DTE at entry",
    "rolls": "Rolls",
}
"""How chains can be grouped, and what that is called."""


def groups(chains: Sequence[ClosedChain], way: str, delta: Delta) -> list[Group]:
    """By one of WAYS, in its own order; what is not known comes last."""
    by_key: dict[tuple[int, float, str], list[ClosedChain]] = {}
    for chain in chains:
        by_key.setdefault(_key(chain, way, delta), []).append(chain)
    return [group(key[2], by_key[key]) for key in sorted(by_key)]


def group(name: str, chains: Sequence[ClosedChain]) -> Group:
    """Of all of them together."""
    by_currency: dict[str, list[ClosedChain]] = {}
    for chain in chains:
        by_currency.setdefault(chain.currency, []).append(chain)
    won = sum(chain.net > 0 for chain in chains)
    return Group(
        name,
        numbers.count(len(chains)),
        _share(won, len(chains)),
        tuple(_net(currency, by_currency[currency]) for currency in sorted(by_currency)),
        net_usd(chains),
        _kept(by_currency),
        numbers.days(_mean([chain.holding_days for chain in chains if chain.holding_days is not None])),
        numbers.model(sum(chain.rolls for chain in chains) / len(chains) if chains else None, places=1),
    )


def net_usd(chains: Sequence[ClosedChain]) -> Figure:
    """In USD, if it is known of all."""
    missing = sum(chain.net_usd is None for chain in chains)
    if missing:
        return numbers.unknown(f"{things(missing, 'chain')} with lines without an index price")
    return _doubted(
        numbers.usd(numbers.total([chain.net_usd for chain in chains if chain.net_usd is not None])), chains
    )


def _net(currency: str, chains: Sequence[ClosedChain]) -> Figure:
    return _doubted(numbers.money(numbers.total([chain.net for chain in chains]), currency), chains)


def _doubted(figure: Figure, chains: Sequence[ClosedChain]) -> Figure:
    if any(not chain.fees_complete for chain in chains):
        return numbers.estimate(figure, "fees are missing")
    if any(chain.fees_estimated for chain in chains):
        return numbers.estimate(figure, "some fees are taken from the venue's table")
    return figure


def _share(part: int, whole: int) -> Figure:
    figure = numbers.percent(EXACT.divide(Decimal(100 * part), Decimal(whole)) if whole else None, "no chain", places=0)
    return Figure(figure.text, f"{part:,} of {whole:,}", figure.value, figure.tone)


def _kept(by_currency: Mapping[str, Sequence[ClosedChain]]) -> Figure:
    """Gross over all premium; of one currency only, because coins are not added."""
    if len(by_currency) != 1:
        return numbers.unknown("several currencies: choose an underlying")
    (chains,) = by_currency.values()
    premium = numbers.total([chain.premium for chain in chains])
    if not premium:
        return numbers.unknown("no premium was received")
    gross = numbers.total([chain.gross for chain in chains])
    exact = EXACT.divide(EXACT.multiply(gross, Decimal(100)), premium)
    return numbers.percent(EXACT.quantize(exact, Decimal("1e-12")))


def _mean(some: list[Decimal]) -> Decimal | None:
    return EXACT.quantize(EXACT.divide(numbers.total(some), Decimal(len(some))), Decimal("1e-12")) if some else None


def _key(chain: ClosedChain, way: str, delta: Delta) -> tuple[int, float, str]:
    """Known or not, its place among the groups, and the group's name."""
    if way == "month":
        return (
            0,
            -(chain.close_time.year * 12.0 + chain.close_time.month),
            f"{chain.close_time.astimezone(UTC):%Y-%m}",
        )
    if way == "delta":
        return _bucket(delta(chain), DELTAS, "{:.2f}")
    if way == "days":
        return _bucket(chain.days, DAYS, "{:g} d")
    if way == "rolls":
        return (0, float(min(chain.rolls, 4)), "4 and more" if chain.rolls >= 4 else str(chain.rolls))
    return (0, 0.0, strategy_of(chain))


def _bucket(figure: float | None, bounds: Sequence[float], form: str) -> tuple[int, float, str]:
    if figure is None:
        return (1, 0.0, UNKNOWN)
    for at, bound in enumerate(bounds):
        if figure < bound:
            low = form.format(bounds[at - 1]).removesuffix(" d") if at else ""
            return (0, float(at), f"{low} to {form.format(bound)}" if at else f"below {form.format(bound)}")
    return (0, float(len(bounds)), f"{form.format(bounds[-1])} and more")


def cumulative(chains: Iterable[ClosedChain]) -> dict[str, list[tuple[datetime, float]]]:
    """Net PnL of closed chains as they closed, by currency; "USD" is that of the chains whose USD are known."""
    sums: dict[str, Decimal] = {}
    lines: dict[str, list[tuple[datetime, float]]] = {}
    for chain in chains:
        for currency, amount in ((chain.currency, chain.net), ("USD", chain.net_usd)):
            if amount is not None:
                sums[currency] = EXACT.add(sums.get(currency, Decimal(0)), amount)
                lines.setdefault(currency, []).append((chain.close_time, float(sums[currency])))
    return lines


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
