"""The synchronous clients with the asyncio clients' face, so that one test body holds for both."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Generator
from types import TracebackType
from typing import Any, Self, cast

from rollbook import AsyncClient, AsyncLab, Client, Lab


class InThreads:
    """A `rollbook.Client` or `rollbook.Lab` whose methods can be awaited and whose iterators be walked with
    `async for`; each call and each step is made in a thread, as the synchronous bot would make it in its own.
    """

    def __init__(self, kind: Callable[..., Any], *args: Any, **keywords: Any) -> None:
        self._client = kind(*args, **keywords)

    def __repr__(self) -> str:
        return repr(self._client)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        return functools.partial(_walk if inspect.isgeneratorfunction(method) else asyncio.to_thread, method)

    async def open(self) -> Self:
        await asyncio.to_thread(self._client.open)
        return self

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._client.__enter__)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._client.__exit__, kind, error, trace)


async def _walk(method: Callable[..., Generator[Any, None, None]], *args: Any, **keywords: Any) -> AsyncIterator[Any]:
    end = object()
    with contextlib.closing(method(*args, **keywords)) as items:
        while (item := await asyncio.to_thread(next, items, end)) is not end:
            yield item


CLIENTS: dict[str, type[AsyncClient]] = {
    "AsyncClient": AsyncClient,
    "Client": cast("Any", functools.partial(InThreads, Client)),
}
"""Both clients, to be named by a test's parameter."""

LABS: dict[str, type[AsyncLab]] = {"AsyncLab": AsyncLab, "Lab": cast("Any", functools.partial(InThreads, Lab))}
"""The same of the lab."""
