"""The lab's services as the server offers them from its start on. What does the work, and all that it needs, is loaded
with the first call: a ledger whose lab nobody uses starts as fast, and stays as small, as one without it.
"""

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from rollbook_server.domain.errors import Refusal
from rollbook_server.lab_door import LabDoor
from rollbook_server.rpc.errors import abort


class _Gate:
    """A service that waits for the lab."""

    def __init__(self, door: LabDoor, module: str, name: str, more: tuple[Any, ...]) -> None:
        self._door, self._module, self._name, self._more = door, module, name, more
        self._service: Any = None

    async def service(self) -> Any:
        """The service. Raises FailedPrecondition where there is no lab."""
        lab = await self._door.opened()
        if self._service is None:
            module = await asyncio.to_thread(importlib.import_module, self._module)
            self._service = self._service or getattr(module, self._name)(lab, *self._more)
        return self._service


def gated(servicer: type[Any], descriptor: Any, door: LabDoor, *more: Any) -> Any:
    """A servicer with all methods of a service, each passed on to `rpc.<name>_service` once the lab is open. The
    service is made with the lab, and what else it works with."""
    module = f"{__package__}.{descriptor.name.removesuffix('Service').lower()}_service"
    gate = _Gate(door, module, descriptor.name, more)
    methods = {
        method.name: (_stream if method.server_streaming else _call)(gate, method.name) for method in descriptor.methods
    }
    return type(f"Gated{descriptor.name}", (servicer,), methods)()


def _call(gate: _Gate, name: str) -> Callable[[Any, Any, Any], Awaitable[Any]]:
    async def call(_: Any, request: Any, context: Any) -> Any:
        try:
            service = await gate.service()
        except Refusal as refusal:
            await abort(context, refusal)
        return await getattr(service, name)(request, context)

    return call


def _stream(gate: _Gate, name: str) -> Callable[[Any, Any, Any], AsyncIterator[Any]]:
    async def stream(_: Any, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            service = await gate.service()
        except Refusal as refusal:
            await abort(context, refusal)
        async for message in getattr(service, name)(request, context):
            yield message

    return stream
