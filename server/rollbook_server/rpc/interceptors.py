"""What every call goes through: one line of log, and an answer with a reason for bytes that are no message."""

import time
from collections.abc import Awaitable, Callable
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
        if handler is None or handler.unary_unary is None:
            return handler
        method = details.method
        call, read = handler.unary_unary, handler.request_deserializer

        def deserialize(body: bytes) -> Any:
            try:
                return read(body)
            except DecodeError:  # gRPC itself would answer UNKNOWN, without a reason
                return _NoMessage()

        async def logged(request: Any, context: Any) -> Any:
            started = time.perf_counter()
            REASON.set("")
            try:
                if isinstance(request, _NoMessage):
                    await abort(context, InvalidArgument(Reason.MALFORMED_TEXT, f"these bytes are no {method} request"))
                return await call(request, context)
            except Exception as error:
                if not isinstance(error, grpc.aio.AbortError):
                    self._log.error("call_failed", method=method, error=repr(error))
                raise
            finally:
                code = context.code() or 0
                self._log.info(
                    "call",
                    method=method,
                    code=grpc.StatusCode.OK.name if code in (0, grpc.StatusCode.OK) else _name(code),
                    reason=REASON.get(),
                    detail=_text(context.details()),
                    ms=round((time.perf_counter() - started) * 1_000, 3),
                    peer=context.peer(),
                )

        return grpc.unary_unary_rpc_method_handler(logged, deserialize, handler.response_serializer)


_NAMES = {int(code.value[0]): code.name for code in grpc.StatusCode}


def _name(code: Any) -> str:
    return code.name if isinstance(code, grpc.StatusCode) else _NAMES.get(code, str(code))


def _text(details: Any) -> str:
    return details.decode(errors="replace") if isinstance(details, bytes) else str(details or "")
