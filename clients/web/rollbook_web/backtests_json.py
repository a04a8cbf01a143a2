"""Backtests as JSON: their status and steering, under the paths of the tracker before Rollbook."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError

from rollbook import AsyncLab, Backtest, specs
from rollbook_web import bodies
from rollbook_web.backtest_payload import GOING, status_payload
from rollbook_web.connection import Server
from rollbook_web.problems import Refusal
from rollbook_web.queries import NO_PARAMETERS, ONCE, OneRun
from rollbook_web.shapes import Json

router = APIRouter(prefix="/api/backtest", tags=["backtest"], default_response_class=Json)


@router.get("/status", dependencies=[ONCE])
async def status(server: Server, asked: Annotated[OneRun, Query()]) -> Json:
    """How far a backtest has come: the one that is named, else the newest."""
    if asked.id:
        return Json(status_payload(await server.lab.get_backtest(asked.id)))
    newest = (await server.lab.list_backtests(page_size=1)).backtests
    return Json(status_payload(await server.lab.get_backtest(newest[0].backtest_id) if newest else None))


@router.post("/start", dependencies=[NO_PARAMETERS], openapi_extra=bodies.documented(bodies.Start))
async def start(server: Server, request: Request) -> Json:
    """Queues a backtest, or two for both exit styles. Answers the status of the first, and the ids of all."""
    body = await bodies.read(request, bodies.Start)
    said = dict(body.spec)
    both = said.get("exit_style") == "both"
    if both:
        del said["exit_style"]
    try:
        spec = specs.from_mapping(said)
    except specs.SpecError as error:
        raise RequestValidationError(
            [{"loc": ("body", f"spec.{error.path}"), "msg": str(error).removeprefix(f"{error.path}: ")}]
        ) from None
    runs: tuple[Backtest, ...]
    if both:
        runs = await server.lab.create_exit_styles(spec, group_id=body.group_id or body.request_id)
    else:
        runs = (await server.lab.create_backtest(spec, request_id=body.request_id, group_id=body.group_id),)
    return Json({**status_payload(runs[0]), "ids": [run.backtest_id for run in runs]})


@router.post("/stop", dependencies=[NO_PARAMETERS], openapi_extra=bodies.documented(bodies.Which))
async def stop(server: Server, request: Request) -> Json:
    """Ends a backtest for good; what it had is kept."""
    return Json(status_payload(await server.lab.cancel_backtest(await _which(server.lab, request))))


@router.post("/pause", dependencies=[NO_PARAMETERS], openapi_extra=bodies.documented(bodies.Which))
async def pause(server: Server, request: Request) -> Json:
    """Stops a backtest after the part it works on; nothing of it is lost."""
    return Json(status_payload(await server.lab.pause_backtest(await _which(server.lab, request))))


@router.post("/resume", dependencies=[NO_PARAMETERS], openapi_extra=bodies.documented(bodies.Which))
async def resume(server: Server, request: Request) -> Json:
    """Lets a paused backtest go on."""
    return Json(status_payload(await server.lab.resume_backtest(await _which(server.lab, request))))


async def _which(lab: AsyncLab, request: Request) -> str:
    """The run that is named, else the only one that has not ended: which of several is meant is not guessed."""
    body = await bodies.read(request, bodies.Which)
    if body.id:
        return body.id
    going: list[Any] = []
    for state in GOING:
        going += [run.backtest_id async for run in lab.iterate_backtests(state=state)]
    if len(going) != 1:
        some = ", ".join(going[:5])
        raise Refusal(
            409, f"several have not ended, say which: {some}" if going else "no backtest goes on", "WHICH_RUN"
        )
    return str(going[0])
