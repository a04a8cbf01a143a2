"""All backtests as JSON, what came of each, its report and its training data as files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from rollbook import TrainingFormat, TrainingRows
from rollbook_web.connection import Server
from rollbook_web.queries import NO_PARAMETERS, ONCE, Paged, Points, Runs, Training
from rollbook_web.shapes import Json, shape

router = APIRouter(prefix="/api/backtests", tags=["backtest"], default_response_class=Json)

MEDIA_TYPES = {
    TrainingFormat.CSV: "text/csv; charset=utf-8",
    TrainingFormat.JSONL: "application/x-ndjson",
    TrainingFormat.PARQUET: "application/vnd.apache.parquet",
}
NAMES = {TrainingRows.EXAMPLES: "dataset", TrainingRows.CANDIDATES: "candidates"}
PIECE = 256 * 1024
"""Bytes of a file that are in memory at once."""


@router.get("", dependencies=[ONCE])
async def backtests(server: Server, asked: Annotated[Runs, Query()]) -> Json:
    """Runs, newest first, without their decisions, chains and equity."""
    return Json(shape(await server.lab.list_backtests(**asked.given())))


@router.get("/{backtest_id}", dependencies=[NO_PARAMETERS])
async def backtest(server: Server, backtest_id: str) -> Json:
    """A run with its metrics, its newest decisions and chains, and its equity, thinned."""
    return Json(shape(await server.lab.get_backtest(backtest_id)))


@router.delete("/{backtest_id}", dependencies=[NO_PARAMETERS])
async def delete(server: Server, backtest_id: str) -> Json:
    """Removes a run and all its results; one that runs is cancelled first."""
    return Json(shape(await server.lab.delete_backtest(backtest_id)))


@router.get("/{backtest_id}/chains", dependencies=[ONCE])
async def chains(server: Server, backtest_id: str, asked: Annotated[Paged, Query()]) -> Json:
    """A run's chains with their legs, oldest first."""
    return Json(shape(await server.lab.list_backtest_chains(backtest_id, **asked.given())))


@router.get("/{backtest_id}/steps", dependencies=[ONCE])
async def steps(server: Server, backtest_id: str, asked: Annotated[Paged, Query()]) -> Json:
    """A run's decisions, oldest first."""
    return Json(shape(await server.lab.list_steps(backtest_id, **asked.given())))


@router.get("/{backtest_id}/equity", dependencies=[ONCE])
async def equity(server: Server, backtest_id: str, asked: Annotated[Points, Query()]) -> Json:
    """The account at each bar, oldest first, whole or thinned."""
    return Json(shape(await server.lab.list_equity_points(backtest_id, **asked.given())))


@router.get("/{backtest_id}/download", dependencies=[NO_PARAMETERS])
async def download(server: Server, backtest_id: str) -> Response:
    """The report of a run that has ended, as a file: one page that asks nobody for anything."""
    html = await server.lab.get_backtest_report(backtest_id)
    return Response(html, media_type="text/html", headers=_file(f"backtest_{backtest_id}.html"))


@router.get("/{backtest_id}/training", dependencies=[ONCE])
async def training(server: Server, backtest_id: str, asked: Annotated[Training, Query()]) -> Response:
    """Training data of a run that has ended, as a file.

    It goes through a temporary file: half a file would be taken for a whole one, and a slow reader costs no memory.
    """
    with ExitStack() as undo:
        file = undo.enter_context(tempfile.TemporaryFile())
        held = await server.lab.export_training_data(backtest_id, file.write, rows=asked.rows, file_format=asked.format)
        undo.pop_all()
    headers = {
        **_file(f"training_{NAMES[asked.rows]}_{backtest_id}.{asked.format.lower()}"),
        "content-length": str(file.tell()),
        "x-data-hash": held.data_hash,
    }
    file.seek(0)
    return StreamingResponse(_pieces(file), media_type=MEDIA_TYPES[asked.format], headers=headers)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _file(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
