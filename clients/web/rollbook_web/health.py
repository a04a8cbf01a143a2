"""Whether all is well, for a supervisor."""

from __future__ import annotations

from fastapi import APIRouter

from rollbook_web.connection import Server
from rollbook_web.queries import NO_PARAMETERS
from rollbook_web.shapes import Json, shape

router = APIRouter(tags=["health"], default_response_class=Json)

DEADLINE = 2.0
"""Seconds: who asks is waiting to raise an alarm."""


@router.get("/health", dependencies=[NO_PARAMETERS])
async def health(server: Server) -> Json:
    """Whether the server answers, and how far its ledger has come; else 503."""
    return Json({"status": "ok", "server": shape(await server.ledger.get_server_status(deadline=DEADLINE))})
