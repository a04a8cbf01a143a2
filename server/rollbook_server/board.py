"""The board shows what open chains are worth to those who watch: the newest of each chain, in the order of change.

One loop's alone. It holds no message and no queue: a watcher asks for what has changed since it looked last.
"""

from collections import OrderedDict
from collections.abc import Mapping

from rollbook_server.domain.valuation import Held

ChainKey = tuple[str, str]
"""(account, position_id)."""


class Board:
    """The open chains with their marks."""

    def __init__(self) -> None:
        self.version = 0
        """Goes up with every change."""
        self._newest: OrderedDict[ChainKey, tuple[int, Held]] = OrderedDict()
        """The last changed last."""

    def __len__(self) -> int:
        return len(self._newest)

    def show(self, changed: Mapping[ChainKey, Held]) -> None:
        """Takes what was committed; a chain that holds nothing any more leaves."""
        if not changed:
            return
        self.version += 1
        for key, held in changed.items():
            self._newest.pop(key, None)
            if held.chain.open_quantity:
                self._newest[key] = (self.version, held)

    def since(self, version: int) -> list[Held]:
        """What has changed after a version, the last changed first."""
        changed: list[Held] = []
        for known, held in reversed(self._newest.values()):
            if known <= version:
                break
            changed.append(held)
        return changed
