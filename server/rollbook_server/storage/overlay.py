"""Values that move with the transaction: seen at once by what follows, kept only when it commits."""

from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Overlay(Generic[K, V]):
    """A mapping in three layers: committed, of the group being written, of the command being judged."""

    def __init__(self) -> None:
        self._committed: dict[K, V] = {}
        self._group: dict[K, V] = {}
        self._command: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._committed)

    def __contains__(self, key: K) -> bool:
        return key in self._command or key in self._group or key in self._committed

    def get(self, key: K) -> V | None:
        """The newest value."""
        for layer in (self._command, self._group, self._committed):
            if key in layer:
                return layer[key]
        return None

    def items(self) -> Iterator[tuple[K, V]]:
        """Every key with its newest value."""
        return iter({**self._committed, **self._group, **self._command}.items())

    def __setitem__(self, key: K, value: V) -> None:
        self._command[key] = value

    def remember(self, key: K, value: V) -> None:
        """Keeps a value read from committed rows; it is true whatever becomes of the group."""
        self._group.setdefault(key, value)

    def keep_command(self) -> None:
        """The command was accepted."""
        self._group.update(self._command)
        self._command.clear()

    def drop_command(self) -> None:
        """The command was refused."""
        self._command.clear()

    def commit(self) -> None:
        """The group is on disk."""
        self._committed.update(self._group)
        self._group.clear()

    def changed(self) -> Iterator[tuple[K, V]]:
        """What the group has changed or read."""
        return iter(self._group.items())

    def discard(self, key: K) -> None:
        """Forgets a committed value."""
        self._committed.pop(key, None)

    def clear(self) -> None:
        """Forgets everything: it is read again from the file."""
        self._committed.clear()
        self._group.clear()
        self._command.clear()
