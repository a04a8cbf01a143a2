"""A worker process by itself: what becomes of a call when it is killed."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from rollbook_server.processes import WorkerDied, WorkerProcess
from tests.support.dying import die_in_the_answer


class Log:
    """Nobody listens."""

    def info(self, event: str, **fields: object) -> None: ...


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it looks into /proc for the moment of the kill")
async def test_a_worker_that_is_killed_in_its_answer_is_noticed() -> None:
    """Half an answer is no answer: who waits for it is told that the worker died, the next call gets a new one, and
    closing waits for nobody."""
    process = WorkerProcess(Log(), "test")
    async with asyncio.timeout(60):
        with pytest.raises(WorkerDied):
            await process.run(die_in_the_answer)
        assert await process.run(os.getpid) != os.getpid()
        await process.close()
