"""A server and a page in front of it: processes, shared by tests that each have an account of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.support.page import RunningPage
from tests.support.server import RunningServer
from tests.support.trading import Trader, trading


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("web") / "ledger.db") as running:
        yield running


@pytest.fixture(scope="session")
def page(server: RunningServer) -> Iterator[RunningPage]:
    with RunningPage(server.target) as running:
        yield running
        assert running.stop() == 0
        assert running.complained == []


@pytest.fixture
async def http(page: RunningPage) -> AsyncIterator[httpx.AsyncClient]:
    async with page.asked() as client:
        yield client


@pytest.fixture
async def trader(server: RunningServer) -> AsyncIterator[Trader]:
    async with trading(server.target) as trader:
        yield trader
