"""A local copy of a ledger's chains, kept by what a watch sends. Nothing here waits: it serves both clients."""

from __future__ import annotations

from rollbook.errors import LedgerError, OutOfRange
from rollbook.models import ChainState, Cursor, PositionChain, WatchChainsResponse

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
        self.cursor: Cursor | None = None
        """What is complete; None until the first state has come."""

    def __repr__(self) -> str:
        return f"ChainMirror({len(self.chains)} chains, {self.cursor})"

    def apply(self, message: WatchChainsResponse) -> None:
        """Takes in what a watch has sent."""
        for chain in message.chains:
            key = (chain.account, chain.position_id)
            if chain.state is ChainState.CLOSED and not self.include_closed:
                self.chains.pop(key, None)
            else:
                self.chains[key] = chain
        self.cursor = message.cursor or self.cursor

    def interrupted(self, error: LedgerError) -> None:
        """For `on_interruption`: forgets everything where the watch begins anew. Until the first state is complete, and
        in another ledger, chains may have gone that no later message speaks of.
        """
        if self.cursor is None or isinstance(error, OutOfRange):
            self.chains.clear()
            self.cursor = None
