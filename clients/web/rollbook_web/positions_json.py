"""Positions as JSON: what is open, and what is closed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter

from rollbook import ChainState
from rollbook.payloads import open_payload
from rollbook_web.connection import Server

router = APIRouter(prefix="/api")


@router.get("/positions/open")
async def open_positions(server: Server) -> Any:
    """Open positions and their totals."""
    page = await server.ledger.list_chains(states=(ChainState.OPEN, ChainState.FLAT))
    return open_payload(page.chains, page.valuations, datetime.now(UTC))
