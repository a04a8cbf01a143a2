"""Positions that the shell offers: asked of the ledger while the user types."""

from __future__ import annotations

from typing import Any

import typer

from rollbook.cli.connection import Session
from rollbook.cli.options import SERVER

PATIENCE = "1"
"""Seconds; the user waits for the Tab key."""


def complete_position(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The newest positions that begin so, each with what it is. Nothing where the ledger cannot be asked."""
    said: dict[str, Any] = context.params
    session = Session(
        server=said.get("server") or SERVER,
        account=said.get("account") or "",
        token=said.get("token") or "",
        tls_ca=said.get("tls_ca") or "",
        deadline=PATIENCE,
        json=False,
    )
    try:
        with session.client() as client:
            page = client.list_chains(page_size=500)
    except Exception:  # a traceback in the middle of a command line helps nobody
        return []
    return [
        (chain.position_id, f"{chain.account}, {chain.state.lower()}")
        for chain in page.chains
        if chain.position_id.startswith(incomplete)
    ]
