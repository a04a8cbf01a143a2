"""What every call goes through: one line of log, and no mistake of ours told as anything but INTERNAL."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import grpc


class Log(Protocol):
    """Where lines go."""

    def info(self, event: str, **fields: object) -> None: ...
    def error(self, event: str, **fields: object) -> None: ...


class CallLog(grpc.aio.ServerInterceptor):
    """One structured line per call: method, code, reason, milliseconds, who called."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        handler = await continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = details.method
        call = handler.unary_unary

        async def logged(request: Any, context: Any) -> Any:
            started = time.perf_counter()
            try:
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
                    detail=_text(context.details()),
                    ms=round((time.perf_counter() - started) * 1_000, 3),
                    peer=context.peer(),
                )

        return grpc.unary_unary_rpc_method_handler(logged, handler.request_deserializer, handler.response_serializer)


_NAMES = {int(code.value[0]): code.name for code in grpc.StatusCode}


def _name(code: Any) -> str:
    return code.name if isinstance(code, grpc.StatusCode) else _NAMES.get(code, str(code))


def _text(details: Any) -> str:
    return details.decode(errors="replace") if isinstance(details, bytes) else str(details or "")
