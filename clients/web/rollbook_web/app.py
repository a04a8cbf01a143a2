"""The app: the only file that knows everything."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI, HTTPException
from nicegui import run, ui
from starlette.types import ASGIApp

from rollbook_web import backtests_json, health, pages, positions_json, problems, runs_json, streams
from rollbook_web.connection import Connection
from rollbook_web.doors import LOOPBACK, Doors
from rollbook_web.login import Login
from rollbook_web.settings import Settings

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _nothing(path: str) -> None:
    raise HTTPException(404, f"there is no /api/{path} for this method")


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
        responses={"default": problems.DOCUMENTED},
        lifespan=connection.lifespan,
    )
    problems.install(app)
    for part in (positions_json, backtests_json, runs_json, streams, health):
        app.include_router(part.router)
    app.add_api_route("/api/{path:path}", _nothing, methods=METHODS, include_in_schema=False)  # else a page answers
    pages.add(connection)
    run.process_pool_start_method = "spawn"  # a fork of a process that holds gRPC's threads would hang
    ui.run_with(  # last: it takes what is left
        app,
        title="Rollbook",
        dark=None,
        language="en-US",
        tailwind=False,  # the look is our own: pages/page.css
        message_history_length=100,  # for a page that was cut off for seconds; each message may be all rows of a table
        show_welcome_message=False,
    )
    inner: ASGIApp = app if settings.token is None else Login(app, settings.token)
    return Doors(inner, (*LOOPBACK, *settings.names)), connection
