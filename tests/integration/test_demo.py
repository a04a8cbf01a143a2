"""`make demo` on the synthetic market."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from rollbook import AsyncClient, ChainState, Client, CloseReason, Mode, OptionType
from tests.demo import black76
from tests.demo.market import Contract
from tests.demo.spool_bot import SpoolBot
from tests.demo.synthetic import SyntheticMarket
from tests.support.server import RunningServer

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 120
TOLD = (
    "the same execution sent twice: one effect",
    "CLOSES_MORE_THAN_OPEN",
    "a limit order, resting",
    "reported by RecordFills",
    "its second order is rejected",
    "completes the roll",
    "is settled: ",
    " adds ",
    "buys back",
    " rolls from ",
    "has expired. The server says so by itself",
    "kill -9: the server is gone for",
    "all of it equal to the server's",
    "nothing waits",
    "Registered btc-bars",
    "succeeded",
    "it needs a browser and nothing else",
    "it has shown positions that are worth something else by the minute, and a backtest on its way",
)


def _run_demo(directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.demo.main", "--synthetic", "--directory", str(directory)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


async def test_the_demo_ends_with_a_proven_book(tmp_path: Path) -> None:
    """The demo needs no data and no terminal: it tells what happened in plain lines, and what it shows at the end is
    in its ledger, where chains were rolled, bought back and settled, and where `check` finds everything in order.
    """
    done = _run_demo(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert "market   synthetic" in done.stdout
    assert ": proven" in done.stdout
    one_line = " ".join(done.stdout.split())
    assert [words for words in TOLD if " ".join(words.split()) not in one_line] == []
    tables = [line for line in done.stdout.splitlines() if str(tmp_path) not in line and " decisions  " not in line]
    assert [line for line in tables if len(line) > WIDTH] == []  # a watch in a pipe says each thing in a line
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")

    with RunningServer(tmp_path / "ledger.db") as server:
        async with AsyncClient(server.target, account="demo") as ledger:
            chains = (await ledger.list_chains(mode=Mode.DRY_RUN, page_size=500)).chains
            refusals = (await ledger.list_refused_executions(include_resolved=True)).refusals
        async with AsyncClient(server.target, account="demo-bot") as ledger:
            late = [entry.execution async for entry in ledger.iterate_entries() if entry.execution]
    assert all(chain.position_id in done.stdout for chain in chains)
    assert {chain.settlement_currency for chain in chains} == {"BTC", "ETH", "USDC"}
    closed = [chain for chain in chains if chain.state is ChainState.CLOSED]
    assert {chain.close_reason for chain in closed} >= {
        CloseReason.BOUGHT_BACK,
        CloseReason.EXPIRED,
        CloseReason.SETTLED,
    }
    assert any(chain.num_rolls for chain in closed)
    assert len(closed) < len(chains)
    assert [bool(refusal.resolved_revision) for refusal in refusals] == [True]

    said = re.search(
        r"(\d+) executions wait in the spool. After the restart all (\d+) are recorded, each once", one_line
    )
    assert said is not None
    assert said[1] == said[2] != "0"
    assert f"At the end: {len(late)} executions" in one_line
    assert len({each.execution.request_id for each in late if each.execution}) == len(late) > int(said[1])


def test_the_page_stays_until_ctrl_c(tmp_path: Path) -> None:
    """On a terminal the demo ends with a page that lives until Ctrl-C; then all of it ends, and the book is proven."""
    command = [sys.executable, "-m", "tests.demo.main", "--synthetic", "--directory", str(tmp_path)]
    env = {name: value for name, value in os.environ.items() if name != "CI"} | {"TERM": "xterm"}
    reading, tty = pty.openpty()
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=tty, stdout=tty, stderr=tty, start_new_session=True)
    os.close(tty)
    try:
        said = _read_until(reading, "Ctrl-C ends the demo")
        address = re.search(r"http://127\.0\.0\.1:\d+/", said)
        assert address is not None
        assert httpx.get(address[0], trust_env=False, timeout=30).status_code == 200
        os.killpg(process.pid, signal.SIGINT)
        said = _read_until(reading, ": proven")
        assert "Traceback" not in said
        assert process.wait(60) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(address[0], trust_env=False)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(reading)


def _read_until(terminal: int, text: str) -> str:
    """What a terminal shows, up to a text and a little more."""
    said, end = "", time.monotonic() + 120
    while text not in said and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 65536).decode(errors="replace")
    assert text in said
    return said


def test_the_demo_notices_what_is_lost(tmp_path: Path) -> None:
    """An execution that its bot told and the ledger does not have, and one that is held and not there, are said."""
    snapshots = SyntheticMarket().snapshots()[:3]
    with RunningServer(tmp_path / "ledger.db") as server, Client(server.target, account="demo-bot") as ledger:
        bot = SpoolBot(server.target, "demo-bot", tmp_path / "spool")
        with bot.tracker:
            for snapshot in snapshots:
                bot.step(snapshot)
            assert bot.told
            assert bot.differences(ledger) == []
            bot.told.append("lost")
            assert bot.differences(ledger) == [
                f"{len(bot.told)} executions were told, the ledger has {len(bot.told) - 1}"
            ]


def test_an_existing_ledger_is_left_alone(tmp_path: Path) -> None:
    """The demo refuses to trade into a ledger that is there already."""
    (tmp_path / "ledger.db").write_bytes(b"precious")
    done = _run_demo(tmp_path)
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert (tmp_path / "ledger.db").read_bytes() == b"precious"


@pytest.mark.parametrize("symbol", ["BTC-9DEC25-92000-C", "BTC_USDC-26DEC25-88000-P", "XRP_USDC-2JAN26-2d075-C"])
def test_a_contract_is_its_name(symbol: str) -> None:
    """The bot's contracts are named as the venue names them."""
    contract = Contract.parse(symbol)
    assert contract.symbol == symbol
    assert contract.option_type is (OptionType.CALL if symbol.endswith("C") else OptionType.PUT)


def test_black_76() -> None:
    """Call minus put is forward minus strike, delta is the slope of the price, and vega that by volatility."""
    forward, strike, years, volatility = 92_000.0, 95_000.0, 10 / 365, 0.45
    call, put = (black76.price(forward, strike, years, volatility, kind) for kind in (True, False))
    assert call - put == pytest.approx(forward - strike)
    for kind in (True, False):
        up, down = (black76.price(forward + step, strike, years, volatility, kind) for step in (1, -1))
        assert black76.delta(forward, strike, years, volatility, kind) == pytest.approx((up - down) / 2, rel=1e-5)
    up, down = (black76.price(forward, strike, years, volatility + step / 100, True) for step in (0.01, -0.01))
    assert black76.vega(forward, strike, years, volatility) == pytest.approx((up - down) / 0.02, rel=1e-5)
