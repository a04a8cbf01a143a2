"""What every call goes through: one line of log, and an answer with a reason for bytes that are no message."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import grpc
from google.protobuf.message import DecodeError

from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.rpc.errors import REASON, abort


class Log(Protocol):
    """Where lines go."""

    def info(self, event: str, **fields: object) -> None: ...
    def error(self, event: str, **fields: object) -> None: ...


class _NoMessage:
    """Stands for bytes that could not be read."""


class CallLog(grpc.aio.ServerInterceptor):
    """One structured line per call: method, code, reason, detail, milliseconds, who called."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        handler = await continuation(details)
        if handler is None or not (handler.unary_unary or handler.unary_stream):
            return handler
        method = details.method
        read = handler.request_deserializer

        def deserialize(body: bytes) -> Any:
            try:
                return read(body)
            except DecodeError:  # gRPC itself would answer UNKNOWN, without a reason
                return _NoMessage()

        @asynccontextmanager
        async def logged(request: Any, context: Any) -> AsyncIterator[None]:
            started, gone = time.perf_counter(), False
            # Asked now: a stream that its caller left is cleaned up after its call, of which gRPC then knows nothing,
            # and to ask it would end the process.
            peer = context.peer()
            REASON.set("")
            try:
                if isinstance(request, _NoMessage):
                    await abort(context, InvalidArgument(Reason.MALFORMED_TEXT, f"these bytes are no {method} request"))
                yield
            except (asyncio.CancelledError, GeneratorExit):
                gone = True
                raise
            except Exception as error:
                if not isinstance(error, grpc.aio.AbortError):
                    self._log.error("call_failed", method=method, error=repr(error))
                raise
            finally:
                code = grpc.StatusCode.CANCELLED if gone else context.code() or 0
                self._log.info(
                    "call",
                    method=method,
                    code=grpc.StatusCode.OK.name if code in (0, grpc.StatusCode.OK) else _name(code),
                    reason=REASON.get(),
                    detail=_text(context.details()),
                    ms=round((time.perf_counter() - started) * 1_000, 3),
                    peer=peer,
                )

        async def answer(request: Any, context: Any) -> Any:
            async with logged(request, context):
                return await handler.unary_unary(request, context)

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            async with logged(request, context):
                async for message in handler.unary_stream(request, context):
                    yield message

        def serialize(message: Any) -> bytes:
            if isinstance(message, bytes):  # made once for all who get the same
                return message
            body: bytes = handler.response_serializer(message)
            return body

        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(stream, deserialize, serialize)
        return grpc.unary_unary_rpc_method_handler(answer, deserialize, handler.response_serializer)


_NAMES = {int(code.value[0]): code.name for code in grpc.StatusCode}


def _name(code: Any) -> str:
    return code.name if isinstance(code, grpc.StatusCode) else _NAMES.get(code, str(code))


def _text(details: Any) -> str:
    return details.decode(errors="replace") if isinstance(details, bytes) else str(details or "")
