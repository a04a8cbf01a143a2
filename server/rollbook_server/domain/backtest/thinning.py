"""From a stream of quotes to snapshots, without looking ahead.

There is a snapshot at each full and each half hour: so often that one is usable at any time, as it is usable for
30 minutes. Of each contract it holds the newest quote that was known by then, if that was known for 5 minutes at most;
all other quotes are left out. What the newest quote says counts, right or wrong: an older one is not put in its place.
"""

import numpy as np

from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.backtest.raw import at, malformed
from rollbook_server.domain.clock import SECOND, Micros

EVERY: Micros = 1_800 * SECOND
"""Between two snapshots, counted from 1970 on."""
FRESH: Micros = 300 * SECOND
"""A quote that was known for longer is not in a snapshot: its contract may be gone, or the recorder was away."""

_CONTRACTS = 1 << 20
"""More than a file can name."""


class Thinner:
    """Takes quotes in the order in which they became known, in pieces of any size: the snapshots are the same."""

    def __init__(self, values: int) -> None:
        self._newest: Micros = 0
        self._done: list[tuple[Ints, Ints, Floats]] = []
        self._open = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((values, 0))

    def add(self, known: Ints, contract: Ints, expiry: Ints, values: Floats) -> None:
        """More quotes: from when on each is known (n,), its contract's number and expiry, what it says (v, n).

        Raises InvalidArgument (MALFORMED_DATA) where one became known before another that came before it.
        """
        if not len(known):
            return
        before = np.concatenate(([self._newest], known[:-1]))
        if (known < before).any():
            place = int(np.argmax(known < before))
            raise malformed(
                f"a quote of {at(known[place])} comes after one of {at(before[place])}: rows must be in the order in"
                " which they were received"
            )
        self._newest = int(known[-1])
        snapshot = -(-known // EVERY) * EVERY
        near = (snapshot - known <= FRESH) & (snapshot < expiry)
        times = np.concatenate((self._open[0], snapshot[near]))
        contracts = np.concatenate((self._open[1], contract[near]))
        columns = np.concatenate((self._open[2], values[:, near]), axis=1)
        # np.unique gives the first of equals, and the last one is the newest.
        _, newest = np.unique((times // EVERY * _CONTRACTS + contracts)[::-1], return_index=True)
        newest = len(times) - 1 - newest
        times, contracts, columns = times[newest], contracts[newest], columns[:, newest]
        over = times < self._newest
        self._done.append((times[over], contracts[over], columns[:, over]))
        self._open = times[~over], contracts[~over], columns[:, ~over]

    def rows(self) -> tuple[Ints, Ints, Floats]:
        """All snapshots: the time of each row (n,), its contract, what it says (v, n)."""
        pieces = [*self._done, self._open]
        return (
            np.concatenate([piece[0] for piece in pieces]),
            np.concatenate([piece[1] for piece in pieces]),
            np.concatenate([piece[2] for piece in pieces], axis=1),
        )
