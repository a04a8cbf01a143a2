"""Positions as JSON: what is open, what is closed, and how each chain came to be."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query

from rollbook import AsyncClient, ChainState, ChainValuation, PositionChain
from rollbook.payloads import closed_payload, open_payload
from rollbook_web.connection import Server
from rollbook_web.queries import ONCE, Chains, ClosedChains, Entries, OneChain, Refusals
from rollbook_web.shapes import Json, shape

router = APIRouter(prefix="/api", dependencies=[ONCE], tags=["ledger"], default_response_class=Json)

HELD = (ChainState.OPEN, ChainState.FLAT)
LARGEST_PAGE = 500
"""The server gives no more at once."""

Listed = tuple[list[PositionChain], list[ChainValuation], dict[str, Any]]


@router.get("/positions/open")
async def open_positions(server: Server, asked: Annotated[Chains, Query()]) -> Json:
    """Open positions and their totals, both modes apart: the old tracker's keys, and exact figures as texts.

    With a page_size or page_token it is one page, and the totals are those of the page.
    """
    (chains, valuations, page), now = await asyncio.gather(_listed(server.ledger, HELD, asked), server.now())
    return Json({**open_payload(chains, valuations, now), **page})


@router.get("/positions/closed")
async def closed_positions(server: Server, asked: Annotated[ClosedChains, Query()]) -> Json:
    """Closed chains, newest first, and their totals; pages as those of open positions."""
    chains, valuations, page = await _listed(server.ledger, (ChainState.CLOSED,), asked)
    return Json({**closed_payload(chains, valuations), **page})


@router.get("/chains/{position_id}")
async def chain(server: Server, position_id: str, asked: Annotated[OneChain, Query()]) -> Json:
    """A chain with its legs, rolls, cash lines, entries and value."""
    return Json(shape(await server.ledger.get_chain(position_id, account=asked.account)))


@router.get("/entries")
async def entries(server: Server, asked: Annotated[Entries, Query()]) -> Json:
    """The journal, oldest first."""
    return Json(shape(await server.ledger.list_entries(**asked.given())))


@router.get("/refused")
async def refused(server: Server, asked: Annotated[Refusals, Query()]) -> Json:
    """Refused commands, newest first: what was executed and is missing from the book."""
    return Json(shape(await server.ledger.list_refused_executions(**asked.given())))


async def _listed(ledger: AsyncClient, states: tuple[ChainState, ...], asked: Chains) -> Listed:
    """Chains with their values, and what is to be said of the page: one if pages are asked for, else all of them."""
    filters = asked.given()
    paged = asked.page_size is not None or asked.page_token is not None
    filters.setdefault("page_size", LARGEST_PAGE)
    chains: list[PositionChain] = []
    valuations: list[ChainValuation] = []
    while True:
        page = await ledger.list_chains(states=states, **filters)
        chains += page.chains
        valuations += page.valuations
        if paged or not page.next_page_token:
            return chains, valuations, {"revision": page.revision, "next_page_token": page.next_page_token or None}
        filters["page_token"] = page.next_page_token
