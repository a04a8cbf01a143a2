"""What bots tell a tracker, made up at random, and what a ledger must make of it, in exact fractions.

The expectation shares nothing with the tracker or the server, nor with the model of `tests.support.model`: it knows
what a bot did, not how that is reported.
"""

from tests.support.told.book import Book, Chain
from tests.support.told.history import History
from tests.support.told.judge import differences

__all__ = ["Book", "Chain", "History", "differences"]
