"""`rollbook backtest parity` as people use it: a chain that a bot traded a little better than the lab."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

pytest.importorskip("rich", reason="the extra rollbook[cli] is not in this environment")

from rollbook import AsyncLab, ContractStyle, Side, new_request_id, specs
from tests.support.lab_told import fill_of, ran, told
from tests.support.server import RunningServer
from tests.support.shell import Shell, cells
from tests.support.trading import trading


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db") as running:
        yield running


@pytest.fixture
def shell(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(server.target, tmp_path_factory.getbasetemp() / "pycache-lab")


async def test_parity_is_shown(server: RunningServer, shell: Shell, tmp_path: Path) -> None:
    """Steps from the chain's net PnL to the lab's, what both did, each trade's part, in coin and in USD, what is a
    guess, on 80 columns; --json is the API's answer, by a run as by its spec in a file. What is missing is said before
    anything is sent; what the server refuses ends with its sentence."""
    async with AsyncLab(server.target) as lab, trading(server.target) as bot:
        run, chains = await ran(lab, ContractStyle.INVERSE)
        chain = next(each for each in chains if each.num_rolls and each.legs[-1].trigger != "expiry")
        sale = fill_of(chain.legs[0], Side.SELL)
        assert sale.price is not None
        better = await told(bot, chain, replace(sale, price=sale.price + Decimal("0.001")))
        stopped = (await bot.open(replace(sale, trade_id=new_request_id()))).position_id
        await bot.close(stopped, fill_of(chain.legs[0], Side.BUY))
        still_open = (await bot.open(replace(sale, trade_id=new_request_id()))).position_id
        await lab.get_parity(bot.account, better, run.spec)  # on a new machine it compiles: longer than a shell waits
    by_run = ("--account", bot.account, "--backtest", run.backtest_id[:8])

    rows = shell.rows("backtest", "parity", better, *by_run)
    assert {"The lab would have done the same trades.", "The lab's quotes are those of a model."} <= {
        row[0] for row in rows if row
    }
    for label, part in (
        ("at the lab's prices", "+0.0010"),
        ("and by its fees", "0.0000"),
        ("and by its rules", "0.0000"),
    ):
        assert cells(rows, label)[2] == part
    assert cells(rows, "all")[1:] == ["+0.0010", "0.0000", "0.0000", "0.0000", "+0.0010"]

    narrow = shell("backtest", "parity", stopped, *by_run, COLUMNS="80").stdout
    assert max(map(len, narrow.splitlines())) <= 80
    parted = " ".join(narrow.split())
    second = chain.legs[1]
    assert f"They part at leg 2: the chain did nothing more, the lab sold {second.symbol} on " in parted

    file = tmp_path / "spec.yaml"
    assert run.spec is not None
    file.write_text(specs.to_yaml(run.spec), encoding="utf-8")
    answer = shell.json("backtest", "parity", better, *by_run)
    assert answer == shell.json("backtest", "parity", better, "--account", bot.account, "--spec", str(file))
    assert answer["parity"]["parts"]["price"] == pytest.approx(0.001)
    assert answer["chain"]["position_id"] == better

    assert "whose book?" in shell.complaint("backtest", "parity", better, "--spec", str(file), code=2)
    assert "by which rules?" in shell.complaint("backtest", "parity", better, "--account", bot.account, code=2)
    assert "it is OPEN" in shell.complaint("backtest", "parity", still_open, *by_run, code=1)
