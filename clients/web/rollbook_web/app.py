"""The app: the only file that knows everything."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI
from nicegui import run, ui
from starlette.types import ASGIApp

from rollbook_web import backtests_json, pages, positions_json, problems, streams
from rollbook_web.connection import Connection
from rollbook_web.doors import LOOPBACK, Doors
from rollbook_web.settings import Settings


def build(settings: Settings) -> tuple[ASGIApp, Connection]:
    """All that is served, behind its doors, and the connection that it lives on. Once in a process: NiceGUI's state is
    global.
    """
    connection = Connection(settings.target)
    # No docs_url: those pages come from a CDN.
    app = FastAPI(
        title="Rollbook",
        version=version("rollbook-web"),
        docs_url=None,
        redoc_url=None,
        lifespan=connection.lifespan,
    )
    problems.install(app)
    for part in (positions_json, backtests_json, streams):
        app.include_router(part.router)
    pages.add(connection)
    run.process_pool_start_method = "spawn"  # a fork of a process that holds gRPC's threads would hang
    # Last: it takes what is left. The look is our own (pages/page.css).
    ui.run_with(app, title="Rollbook", dark=None, language="en-US", tailwind=False, show_welcome_message=False)
    return Doors(app, (*LOOPBACK, *settings.names)), connection
