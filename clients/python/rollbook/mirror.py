"""A local copy of a ledger's chains, kept by what a watch sends. Nothing here waits: it serves both clients."""

from __future__ import annotations

from rollbook.errors import LedgerError, OutOfRange
from rollbook.models import ChainState, ChainValuation, Cursor, PositionChain, WatchChainsResponse

__all__ = ["ChainMirror"]


class ChainMirror:
    """The open chains as the server holds them, with `include_closed` all chains; equal to it at each bookmark.

    >>> mirror = ChainMirror()  # doctest: +SKIP
    >>> for message in ledger.watch_chains(on_interruption=mirror.interrupted):  # doctest: +SKIP
    ...     mirror.apply(message)
    ...     if message.bookmark:
    ...         print(len(mirror.chains), "open at revision", mirror.cursor.revision)

    Give the watch the same `include_closed`.
    """

    def __init__(self, *, include_closed: bool = False) -> None:
        self.include_closed = include_closed
        self.chains: dict[tuple[str, str], PositionChain] = {}
        """By (account, position_id)."""
        self.valuations: dict[tuple[str, str], ChainValuation] = {}
        """The newest of each chain that holds something, if the watch asks for valuations."""
        self.cursor: Cursor | None = None
        """What is complete; None until the first state has come."""

    def __repr__(self) -> str:
        return f"ChainMirror({len(self.chains)} chains, {self.cursor})"

    def apply(self, message: WatchChainsResponse) -> None:
        """Takes in what a watch has sent."""
        for changed in message.chains:
            key = (changed.account, changed.position_id)
            if changed.state is ChainState.CLOSED and not self.include_closed:
                self.chains.pop(key, None)
            else:
                self.chains[key] = changed
            if not changed.open_quantity:
                self.valuations.pop(key, None)
        for valuation in message.valuations:
            key = (valuation.account, valuation.position_id)
            chain = self.chains.get(key)
            # Of a chain that is not here, or not as it was valued, the change is still to come; or it is closed by now.
            seen = 0 if self.cursor is None else self.cursor.revision
            if valuation.revision > seen or (chain is not None and chain.open_quantity):
                self.valuations[key] = valuation
        self.cursor = message.cursor or self.cursor

    def interrupted(self, error: LedgerError) -> None:
        """For `on_interruption`: forgets everything where the watch begins anew. Until the first state is complete, and
        in another ledger, chains may have gone that no later message speaks of.
        """
        if self.cursor is None or isinstance(error, OutOfRange):
            self.chains.clear()
            self.valuations.clear()
            self.cursor = None
