"""Every worked case over real gRPC, against a real server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rollbook
from rollbook import AsyncClient
from tests.support.cases import Case
from tests.support.golden import GOLDEN
from tests.support.server import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    path: Path = tmp_path_factory.mktemp("golden") / "ledger.db"
    with RunningServer(path) as running:
        yield running


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
async def test_worked_case(case: dict[str, Any], server: RunningServer) -> None:
    """Each figure of a worked case is exact; a refused step changes no chain and answers the code of the case."""
    async with AsyncClient(server.target) as client:
        run = Case(client, f"golden-{case['name'][:50].replace('_', '-')}")
        expected = dict(case["expect"])
        code = expected.pop("error", None)
        steps = case["steps"]
        for step in steps[:-1] if code else steps:
            await run.do(step)
        if code:
            before = await client.list_chains(account=run.account)
            with pytest.raises(rollbook.LedgerError) as refused:
                await run.do(steps[-1])
            assert refused.value.code.name == code
            after = await client.list_chains(account=run.account)
            assert after.chains == before.chains
            listed = await client.list_refused_executions(account=run.account)
            assert [each.refusal.reason for each in listed.refusals if each.refusal] == [refused.value.reason]
            return
        for name, figures in expected.pop("chains", {}).items():
            await run.expect(run.positions[name], figures)
        if expected:
            await run.expect(run.last, expected)
