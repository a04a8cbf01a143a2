"""A roll while its chain is folded: which fills made it, what it cost, where it moved to."""

from dataclasses import dataclass, field
from decimal import Decimal

from rollbook_server.domain.chains import Roll, RollMove
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.decimals import ZERO
from rollbook_server.domain.history import RollFact
from rollbook_server.domain.instruments import Instrument


@dataclass(slots=True)
class FoldedRoll:
    """A roll, while the chain is folded."""

    fact: RollFact
    closing: int = 0
    opening: int = 0
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    time: Micros | None = None
    closed: list[Instrument] = field(default_factory=list)
    opened: list[Instrument] = field(default_factory=list)

    @property
    def completed(self) -> bool:
        """Whether its first closing and its first opening fill are there."""
        return bool(self.closing and self.opening)

    def figures(self) -> Roll:
        """The roll's figures."""
        fact = self.fact
        return Roll(
            roll_number=fact.number,
            from_symbols=_symbols(self.closed) if self.completed else fact.from_symbols,
            to_symbols=_symbols(self.opened) if self.completed else fact.to_symbols,
            completed=self.completed,
            gross_credit=self.gross,
            net_credit=self.gross - self.fees,
            strike_move=_move([i.strike for i in self.closed], [i.strike for i in self.opened])
            if self.completed
            else None,
            expiry_move=_move([i.expiry_time for i in self.closed], [i.expiry_time for i in self.opened])
            if self.completed
            else None,
            time=self.time,
            decision_id=fact.why.decision_id,
            trigger=fact.why.trigger,
            reason=fact.why.reason,
            errors=fact.errors,
        )


def _symbols(contracts: list[Instrument]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(contract.symbol for contract in contracts))


def _move(before: list[Decimal] | list[int], after: list[Decimal] | list[int]) -> RollMove | None:
    """Where all of one side lies against all of the other; None where they disagree."""
    if min(after) > max(before):
        return RollMove.HIGHER
    if max(after) < min(before):
        return RollMove.LOWER
    return RollMove.SAME if {*before} == {*after} and len({*after}) == 1 else None
