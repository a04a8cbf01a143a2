"""Changes as server-sent events: of positions and of backtests."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from rollbook_web.connection import Server
from rollbook_web.events import EventStream
from rollbook_web.live_backtests import backtest_events
from rollbook_web.queries import NO_PARAMETERS, ONCE, OneRun

router = APIRouter(prefix="/api", tags=["streams"])


LastId = Annotated[str, Header(alias="Last-Event-ID")]
"""The id of the last event that was received."""
EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}


@router.get("/positions/stream", response_class=StreamingResponse, responses=EVENTS, dependencies=[NO_PARAMETERS])
async def positions_stream(server: Server, last_event_id: LastId = "") -> EventStream:
    """Open positions, then each change. Events: `reset` (all positions; with a reason if it could not go on), `changes`
    (those that changed, and what is gone), `values` (those that are worth something else), `away` and `back`.
    """
    return EventStream(server.positions.events(last_event_id), server.closing)


@router.get("/backtest/stream", response_class=StreamingResponse, responses=EVENTS, dependencies=[ONCE])
async def backtest_stream(server: Server, asked: Annotated[OneRun, Query()], last_event_id: LastId = "") -> EventStream:
    """Backtests, or the one of an id, then each change. Events: `reset`, `status`, `deleted`,
    `complete` (all up to its id has been told), `away` and `back`.
    """
    return EventStream(backtest_events(server.lab, asked.id, last_event_id), server.closing)
