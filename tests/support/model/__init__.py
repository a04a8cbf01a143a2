"""A second, naive reading of the ledger's definitions, to judge the server by.

It shares nothing with the server. All numbers are `Fraction`. A `Ledger` keeps the accepted facts in the order in which
they arrived and computes whatever it is asked from scratch, by folding a chain's fills and settlements in the order of
(time, revision, place). Nothing is cached, nothing is updated: there is no state that could be wrong.
"""

from tests.support.model.chain import Chain, Leg, Line, Roll
from tests.support.model.commands import (
    Answer,
    Command,
    Execution,
    Fill,
    LateFills,
    Mark,
    Order,
    RefusedError,
    Settlement,
)
from tests.support.model.contracts import Contract, parse_contract
from tests.support.model.facts import Scope
from tests.support.model.ledger import Ledger
from tests.support.model.totals import LegValuation, Row, RowValuation, Valuation

__all__ = [
    "Answer",
    "Chain",
    "Command",
    "Contract",
    "Execution",
    "Fill",
    "LateFills",
    "Ledger",
    "Leg",
    "LegValuation",
    "Line",
    "Mark",
    "Order",
    "RefusedError",
    "Roll",
    "Row",
    "RowValuation",
    "Scope",
    "Settlement",
    "Valuation",
    "parse_contract",
]
