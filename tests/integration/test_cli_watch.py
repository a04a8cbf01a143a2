"""`rollbook watch` as people use it: in a terminal of some size, in a pipe, through restarts; and what it draws."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict

pytest.importorskip("rich", reason="the extra rollbook[cli] is not in this environment")

from rich.console import Console

from rollbook import (
    Action,
    ChainState,
    ChainValuation,
    Client,
    Cursor,
    ExecutionStatus,
    FillSource,
    Instrument,
    LegState,
    LegValuation,
    Mode,
    PositionChain,
    PositionLeg,
    Side,
    Unavailable,
    WatchChainsResponse,
)
from rollbook.cli.watch_feed import Interruption
from rollbook.cli.watch_screen import Screen
from rollbook.cli.watch_state import State
from rollbook.v1 import chain_pb2, entry_pb2, mark_pb2, watch_pb2
from tests.support.server import RunningServer
from tests.support.shell import Shell
from tests.support.terminal import PATIENCE, Terminal
from tests.support.trading import FAR_CALL, bought, execution, june, mark, new_account, order, sold

FAR_USDC = "BTC_USDC-26DEC98-100000-C"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """On a port of its own, so that it can come back to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with RunningServer(tmp_path / "ledger.db", listen=f"127.0.0.1:{port}") as running:
        yield running


@pytest.fixture
def shell(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(server.target, tmp_path_factory.getbasetemp() / "pycache-watch")


@pytest.fixture
def bot(server: RunningServer) -> Iterator[Client]:
    with Client(server.target, account=new_account()) as client:
        yield client


def open_call(bot: Client, name: str = "cc") -> None:
    """Half a call sold."""
    call = sold("0.5", "0.0125", FAR_CALL, fee="0.00015", index="104000")
    bot.record_execution(execution(Action.OPEN, call, position_id=name))


def say_mark(bot: Client, price: str, minute: int) -> None:
    """What the call is worth on the 5th of June."""
    bot.update_marks([mark(FAR_CALL, price, time=june(5, 9, minute))], mode=Mode.LIVE)


# The screen


def test_the_screen_follows_the_ledger(server: RunningServer, shell: Shell, bot: Client) -> None:
    """A chain that another client opens appears, its PnL follows the marks, through a kill of the server; once closed
    it is gone, and its closing is among the entries. Ctrl-C leaves the terminal as it was."""
    with Terminal(shell, "watch", "--interval", "0.1") as terminal:
        terminal.until("all accounts · revision 0 · connected", "Nothing is open.")
        open_call(bot)
        terminal.until("revision 1 ·", "LIVE · BTC", f"cc       {FAR_CALL}", "no mark", "sold 0.5", without="Nothing")
        say_mark(bot, "0.0085", 0)
        terminal.until("0.0085", "+0.00185", "+32.0", without="no mark")  # 0.5 · 0.004 - 0.00015
        say_mark(bot, "0.0105", 1)
        terminal.until("+0.00085", "+16.0")
        server.kill()
        terminal.until("connection lost at ", "showing figures of then, trying again", "+0.00085")
        server.start()
        terminal.until("connected", "+0.00085", without="connection lost")
        say_mark(bot, "0.0025", 2)
        terminal.until("+0.00485")
        bot.record_execution(execution(Action.CLOSE, bought("0.5", "0.002", FAR_CALL), position_id="cc"))
        terminal.until("Nothing is open.", "revision 2 ·", "close", f"bought 0.5 {FAR_CALL} @ 0.002")
        assert terminal.end() == 0


def test_a_restored_ledger_begins_anew(server: RunningServer, shell: Shell, bot: Client) -> None:
    """Where another ledger answers, nothing of the one before stays on the screen."""
    open_call(bot)
    with Terminal(shell, "watch") as terminal:
        terminal.until("LIVE · BTC", "sold 0.5")
        server.kill()
        for file in server.db.parent.glob("ledger.db*"):
            file.unlink()
        server.start()
        terminal.until("revision 0 · connected", "Nothing is open.", without="sold 0.5")
        open_call(bot, "other")
        terminal.until("revision 1 ·", "other", "sold 0.5")
        assert terminal.end(signal.SIGTERM) == 0


def test_the_last_entries_of_what_is_asked_for(shell: Shell, bot: Client) -> None:
    """Entries from before are the last so many, of the filters if there are any."""
    for number in range(6):
        open_call(bot, f"cc-{number}")
    paper = sold("1", "0.03", FAR_CALL, fee=None, source=FillSource.SIMULATED, trade_id="")
    bot.record_execution(
        execution(Action.OPEN, paper, position_id="paper", mode=Mode.DRY_RUN, status=ExecutionStatus.SIMULATED)
    )
    open_call(bot, "cc-6")
    with Terminal(shell, "watch", "--entries", "2", lines=60) as terminal:
        screen = terminal.until("LIVE · BTC", "DRY RUN (simulated) · BTC", "Last entries")
        told = screen.partition("Last entries")[2]
        assert [name for name in ("cc-5", "paper", "cc-6") if name in told] == ["paper", "cc-6"]
        assert terminal.end() == 0
    with Terminal(shell, "watch", "--mode", "dry-run") as terminal:
        screen = terminal.until("only DRY_RUN", "Last entries")
        assert "cc-" not in screen
        open_call(bot, "cc-7")
        purchase = bought("1", "0.01", FAR_CALL)
        bot.record_execution(execution(Action.CLOSE, purchase, position_id="paper", mode=Mode.DRY_RUN))
        assert "cc-" not in terminal.until("Nothing is open.", "close, dry run")
        assert terminal.end() == 0


# In a pipe


def test_lines_in_a_pipe(shell: Shell, bot: Client) -> None:
    """Without a terminal each entry, change and value is a line, written at once."""
    open_call(bot)
    account = bot.list_chains().chains[0].account
    command = [sys.executable, "-m", "rollbook.cli", "watch", "--interval", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=shell.env) as process:
        assert process.stdout is not None
        assert process.stderr is not None

        say_mark(bot, "0.0085", 0)
        line = next(line for line in process.stdout if "PnL +0.00185" in line)
        assert line.endswith(f"  cc  LIVE OPEN  -0.5 {FAR_CALL}  PnL +0.00185 BTC  32.0 % captured\n")
        bot.record_execution(execution(Action.CLOSE, bought("0.5", "0.002", FAR_CALL), position_id="cc"))
        ends: set[str] = set()  # of two streams
        while len(ends) < 2:
            ends |= {line for line in [process.stdout.readline()] if "close" in line.lower()}
        closed, entry = sorted(line.partition("  ")[2] for line in ends)
        assert entry == f"entry 2.1  {account}  cc  close  bought 0.5 {FAR_CALL} @ 0.002\n"
        assert closed == f"chain  {account}  cc  LIVE CLOSED  bought back  PnL +0.0051 BTC\n"
        process.send_signal(signal.SIGINT)
        assert (process.wait(PATIENCE), process.stderr.read()) == (0, "")


def test_json_lines(shell: Shell, bot: Client) -> None:
    """With --json each message is one line of protobuf's JSON."""
    open_call(bot)
    command = [sys.executable, "-m", "rollbook.cli", "watch", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=shell.env, text=True) as process:
        assert process.stdout is not None
        chains: list[chain_pb2.PositionChain] = []
        values: list[mark_pb2.ChainValuation] = []
        entries: list[entry_pb2.LedgerEntry] = []
        while not (chains and values and entries):
            said = json.loads(process.stdout.readline())
            if "entries" in said:
                entries += ParseDict(said, watch_pb2.WatchEntriesResponse()).entries
            else:
                message = ParseDict(said, watch_pb2.WatchChainsResponse())
                chains += message.chains
                values += message.valuations
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert (chains[0].position_id, values[0].missing_marks, entries[0].revision) == ("cc", 1, 1)


def test_how_it_fails(shell: Shell, server: RunningServer) -> None:
    """Wrong options, a refusal and a server that is not there end it with one sentence, as the other commands."""
    assert shell.complaint("watch", "--interval", "0.05", code=2).startswith("--interval is 0.1 to 60 seconds")
    assert shell.complaint("watch", "--entries", "few", code=2).startswith("'few' is no whole number")
    assert shell.complaint("watch", "--underlying", "X" * 99, code=1).startswith("refused: ")
    server.stop()
    assert shell.complaint("watch", code=3).startswith("no server answers at ")
    assert "Example: `rollbook watch" in shell("watch", "--help", COLUMNS="80").stdout


# What is drawn

NOW = datetime(2025, 6, 5, 9, tzinfo=UTC)


def chain(name: str, symbol: str = FAR_CALL, **more: object) -> PositionChain:
    """An open chain that is short two."""
    leg = PositionLeg(
        leg_number=1,
        instrument=Instrument(symbol=symbol, expiry_time=NOW + timedelta(days=12)),
        side=Side.SELL,
        state=LegState.OPEN,
        open_quantity=Decimal(2),
    )
    given: dict[str, object] = {
        "account": "main",
        "position_id": name,
        "mode": Mode.LIVE,
        "state": ChainState.OPEN,
        "settlement_currency": "USDC" if "USDC" in symbol else "BTC",
        "open_quantity": Decimal(2),
        "open_credit": Decimal("0.1"),
        "net_pnl": Decimal("0.001"),
        "net_pnl_usd": Decimal(100),
        "fees_complete": True,
        "legs": (leg,),
    }
    return PositionChain(**{**given, **more})  # type: ignore[arg-type]


def value(name: str, age: timedelta, symbol: str = FAR_CALL, **more: object) -> ChainValuation:
    """Its value by a mark of this age."""
    leg = LegValuation(
        leg_number=1,
        symbol=symbol,
        mark_price=Decimal("0.0125"),
        mark_time=NOW - age,
        distance_to_strike_pct=Decimal("4.5"),
        distance_to_strike_sigma=0.512,
    )
    given: dict[str, object] = {
        "account": "main",
        "position_id": name,
        "mark_time": NOW - age,
        "valued_time": NOW,
        "unrealized_pnl": Decimal("0.0123"),
        "unrealized_pnl_usd": Decimal(1250),
        "chain_pnl": Decimal("0.0133"),
        "premium_captured_pct": Decimal("12.3"),
        "buy_back_cost": Decimal("0.026"),
        "legs": (leg,),
    }
    return ChainValuation(**{**given, **more})  # type: ignore[arg-type]


@pytest.fixture
def state() -> State:
    """One of each: LIVE and DRY_RUN, BTC and USDC, an old and a wild mark, half a roll, a delivery that is awaited."""
    known = State(entries=8)
    closed = PositionLeg(leg_number=1, instrument=chain("flat").legs[0].instrument, state=LegState.CLOSED)
    expired = PositionLeg(
        leg_number=1,
        instrument=Instrument(symbol="BTC-4JUN25-100000-C", expiry_time=NOW - timedelta(days=1)),
        side=Side.SELL,
        state=LegState.AWAITING_DELIVERY,
        open_quantity=Decimal(2),
    )
    chains = (
        chain("fresh"),
        chain("wild"),
        chain("flat", state=ChainState.FLAT, open_quantity=Decimal(0), legs=(closed,)),
        chain("over", legs=(expired,)),
        chain("linear", FAR_USDC),
        chain("paper", mode=Mode.DRY_RUN),
    )
    seconds = timedelta(seconds=1)
    values = (
        value("fresh", 3 * seconds),
        value("wild", 3 * seconds, wild_marks=1),
        value("linear", 3 * seconds, FAR_USDC),
        value("paper", 900 * seconds, stale_marks=1),
    )
    known.apply(WatchChainsResponse(chains=chains), NOW)
    known.apply(WatchChainsResponse(cursor=Cursor(ledger_id="here", revision=812), bookmark=True), NOW)
    known.apply(WatchChainsResponse(valuations=values), NOW)
    return known


def drawn(state: State, width: int, height: int = 100, now: datetime = NOW) -> list[str]:
    """The lines of the screen."""
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as captured:
        console.print(Screen("here:1", state, now, height))
    return captured.get().splitlines()


def test_what_a_wide_screen_shows(state: State) -> None:
    """All columns, LIVE and DRY_RUN and the currencies apart, what deserves a look in words that are explained."""
    lines = drawn(state, 160)
    text = "\n".join(lines)
    assert lines[0] == "here:1 · revision 812 · connected · 09:00:00 UTC"
    assert [line for line in lines if " · " in line][1:] == ["LIVE · BTC", "LIVE · USDC", "DRY RUN (simulated) · BTC"]
    heads = "Position Contract State DTE Qty Mark Age PnL BTC PnL USD Open PnL Capt % Buy back Left % OTM % OTM \u03c3"
    assert " ".join(lines[3].split()) == f"{heads} Delta Look at"
    row = next(line for line in lines if line.startswith("fresh")).split()
    assert row == [
        "fresh", FAR_CALL, "open", "12.0", "-2", "0.0125", "3", "s", "+0.0133", "+1,350.00", "+0.0123", "+12.3",
        "0.0260", "—", "+4.5", "+0.5", "—",
    ]  # fmt: skip
    for name, looks in (
        ("wild", "wild mark"),
        ("flat", "half roll"),
        ("over", "expired, no mark"),
        ("paper", "old mark"),
    ):
        assert next(line for line in lines if line.startswith(name)).rstrip().endswith(looks)
        assert all(f"{flag}: " in text for flag in looks.split(", "))
    assert " FLAT " in text
    assert " delivery " in text
    assert "The sums leave out 1 position without a mark." in text
    assert "Left out" not in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_narrow_screens(width: int, state: State) -> None:
    """Fewer columns, which are named, and each figure that is left is whole."""
    lines = drawn(state, width)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert "…" not in text
    assert "Left out, the terminal is too narrow: " in text
    for name in ("fresh", "wild", "linear", "paper"):
        row = next(line for line in lines if line.startswith(name))
        assert ("+0.01" if name == "linear" else "+0.0133") in row
    assert next(line for line in lines if line.startswith("wild")).rstrip().endswith("wild mark")


def test_a_low_screen(state: State) -> None:
    """Rows are left out and counted, the sums are still of all."""
    whole, low = drawn(state, 100), drawn(state, 100, 20)
    assert len(low) <= 20 < len(whole)
    assert "The terminal is too low for 2 more rows." in "\n".join(low)
    (total,) = {line for line in whole if line.startswith("Sum")}
    assert total.split() in [line.split() for line in low]


def test_orders_wait_below_the_positions(state: State) -> None:
    """Chains whose orders rest have a table of their own, that shrinks as the others do."""
    resting = (order("ord-1", quantity="0.3", symbol=FAR_CALL),)
    pending = [
        chain(f"waits-{number}", state=ChainState.PENDING, open_quantity=Decimal(0), legs=(), working_orders=resting)
        for number in range(5)
    ]
    state.apply(WatchChainsResponse(chains=tuple(pending)), NOW)
    for height, expected in ((100, 5), (28, 2)):
        lines = drawn(state, 160, height)
        assert len([line for line in lines if line.startswith("waits-") and "ord-1" in line]) == expected
        assert ("The terminal is too low for 3 more rows." in lines) == (height == 28)


def test_ages_grow_between_messages(state: State) -> None:
    """Ages are reckoned on from the server's clock, until a mark that nobody renews is an old one."""

    def age(seconds: int) -> str:
        lines = drawn(state, 160, now=NOW + timedelta(seconds=seconds))
        return next(line for line in lines if line.startswith("fresh"))

    assert " 3 s " in age(0)
    assert " 64 s " in age(61)
    assert " 9 min " in age(580)
    assert age(700).rstrip().endswith("old mark")
    ahead = timedelta(hours=1)
    state.apply(WatchChainsResponse(valuations=(value("fresh", timedelta(seconds=3)),)), NOW + ahead)  # ours is ahead
    assert " 8 s " in age(3605)


def test_a_lost_connection(state: State) -> None:
    """The head says since when, until messages come again; the figures stay."""
    lost = Interruption(WatchChainsResponse, Unavailable("gone"))
    state.apply(lost, NOW)
    state.apply(lost, NOW + timedelta(seconds=5))
    text = "\n".join(drawn(state, 120, now=NOW + timedelta(seconds=9)))
    assert "· connection lost at 09:00:00, showing figures of then, trying again · 09:00:09 UTC" in text
    assert "+0.0133" in text
    state.apply(WatchChainsResponse(cursor=Cursor(ledger_id="here", revision=812), bookmark=True), NOW)
    assert "revision 812 · connected" in drawn(state, 120)[0]
