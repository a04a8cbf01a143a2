"""The command `rollbook` as people use it: processes that read and write a ledger which a real server keeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from rollbook import (
    Action,
    Client,
    ExecutionStatus,
    FailedPrecondition,
    Fill,
    FillSource,
    Mode,
    StrategyKind,
)
from rollbook.v1 import ledger_service_pb2
from tests.support.server import RunningServer
from tests.support.shell import Shell, cells
from tests.support.trading import (
    CALL,
    FAR_CALL,
    bought,
    execution,
    june,
    mark,
    new_account,
    order,
    prove,
    sold,
)

FAR_PUT, FAR_LATER = "BTC-26DEC98-50000-P", "BTC-25JUN99-110000-C"
FAR_USDC = "BTC_USDC-26DEC98-100000-C"
REFUSED_ID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Whatever the commands do to it, its file is proven in the end."""
    path = tmp_path_factory.mktemp("cli") / "ledger.db"
    with RunningServer(path) as running:
        yield running
    prove(path)


@pytest.fixture(scope="module")
def shell(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(server.target, tmp_path_factory.mktemp("pycache"))


@pytest.fixture(scope="module")
def book(server: RunningServer) -> str:
    """An account with one of everything: what is open, flat, pending, closed, simulated and refused."""
    account = new_account()
    now = datetime.now(UTC)
    with Client(server.target, account=account) as client:

        def record(action: Action, *fills: Fill, **more: Any) -> None:
            client.record_execution(execution(action, *fills, **more))

        call, put = sold("0.5", "0.0125", FAR_CALL, fee="0.00015", index="104000"), sold("2", "0.01", FAR_PUT)
        record(Action.OPEN, call, position_id="cc", exit_style="tp_and_roll")
        strangle = (sold("1", "0.02", FAR_CALL, fee=None), put)
        record(Action.OPEN, *strangle, position_id="strangle", strategy=StrategyKind.SHORT_STRANGLE)
        record(Action.OPEN, sold("2", "1250", FAR_USDC, fee="3"), position_id="linear")
        record(Action.OPEN, sold("1", "0.03", FAR_CALL, index=None), position_id="blind")
        record(Action.OPEN, sold("0.1", "0.02", FAR_CALL), position_id="rolling")
        half = bought("0.1", "0.01", FAR_CALL)
        record(Action.ROLL, half, position_id="rolling", from_symbols=(FAR_CALL,), to_symbols=(FAR_LATER,))
        record(Action.OPEN, sold("1", "0.05", FAR_CALL, index="90000"), position_id="rolled")
        back, out = bought("1", "0.02", FAR_CALL, index="80000"), sold("1", "0.045", FAR_LATER, time=june(9))
        record(
            Action.ROLL, back, out, position_id="rolled", from_symbols=(FAR_CALL,), to_symbols=(FAR_LATER,),
            trigger="roll_out",
        )  # fmt: skip
        resting = order("ord-1", quantity="0.3", symbol=FAR_CALL, limit_price=Decimal("0.02"))
        record(Action.OPEN, orders=(resting,), status=ExecutionStatus.RESTING, position_id="waiting")
        simulated = sold("1", "0.03", FAR_CALL, fee=None, source=FillSource.SIMULATED, trade_id="")
        record(
            Action.OPEN, simulated, position_id="paper", mode=Mode.DRY_RUN, status=ExecutionStatus.SIMULATED
        )  # fmt: skip
        for name, sale, purchase in (("won", "0.02", "0.005"), ("lost", "0.015", "0.03")):
            record(Action.OPEN, sold("0.5", sale, fee="0.0001", index="104000"), position_id=name)
            record(Action.CLOSE, bought("0.5", purchase, fee="0.0001", index="101000"), position_id=name)
        with pytest.raises(FailedPrecondition):
            record(Action.CLOSE, bought("9", "0.001", FAR_CALL), position_id="cc", request_id=REFUSED_ID)
        fresh = [
            mark(FAR_CALL, "0.0085", index="104250.5", time=now),
            mark(FAR_PUT, "0.004", index="104250.5", time=now),
        ]
        client.update_marks([*fresh, mark(FAR_USDC, "980.25", time=now)], mode=Mode.LIVE)
        old = now - timedelta(days=1)
        client.update_marks([mark(FAR_CALL, "0.0085", index="104250.5", time=old)], mode=Mode.DRY_RUN)
    return account


# positions


def test_positions(shell: Shell, book: str) -> None:
    """A row for each open leg with its figures, per mode and currency, sums below that leave out what is unknown."""
    rows = shell.rows("positions", "--account", book)
    titles = [row[0] for row in rows if row and "·" in row[0]]
    assert titles == ["LIVE · BTC", "LIVE · USDC", "DRY RUN (simulated) · BTC"]
    heads = ["Position", "Contract", "DTE", "Qty", "Entry", "Mark", "PnL BTC", "PnL USD", "Capt %", "Look at"]
    assert [cell.strip() for cell in rows[1]] == heads
    # 0.5 · (0.0125 - 0.0085), and 0.5 · 0.0125 · 104000 - 0.5 · 0.0085 · 104250.5
    cc = cells(rows, "cc")
    assert cc[1] == FAR_CALL
    left = (datetime(2098, 12, 26, 8, tzinfo=UTC) - datetime.now(UTC)) / timedelta(days=1)
    assert float(cc[2]) == pytest.approx(left, abs=0.1)
    assert cc[3:] == ["-0.5", "0.0125", "0.0085", "+0.0020", "+206.94", "+32.0"]
    # 0.0115 + 0.012 BTC of 0.04 BTC; USD: 2000 - 886.12925 + 2000 - 834.004
    assert cells(rows, "strangle")[3:] == [
        "-1.0", "0.0200", "0.0085", "+0.0235", "+2,279.87", "+58.8", "uncovered, fee missing"
    ]  # fmt: skip
    assert cells(rows, FAR_PUT)[2:] == ["-2.0", "0.0100", "0.0040"]
    assert cells(rows, "blind")[6:] == ["+0.0215", "—", "+71.7", "no USD"]
    assert cells(rows, "rolling") == ["rolling", FAR_CALL, "0.0", "0.0000", "0.00", "—", "half roll"]
    assert cells(rows, "rolled")[4:] == ["0.0450", "—", "—", "—", "—", "no mark"]
    assert cells(rows, "linear")[3:] == ["-2", "1,250.00", "980.25", "+539.50", "+21.6"]
    assert cells(rows, "paper")[-1] == "old mark, fee est."
    # 0.002 + 0.0235 + 0.0215 + 0 of 0.00625 + 0.04 + 0.03 BTC
    assert cells(rows, "Sum") == ["Sum", "+0.0470", "+2,486.80", "+61.6"]
    text = shell("positions", "--account", book).stdout
    assert "The sums leave out 1 position without a mark." in text
    assert "The sum in USD leaves out 2 positions." in text
    assert "uncovered: a short put settled in coin: its loss in coin has no bound." in text
    assert "There are more" not in text


def test_a_put_that_was_rolled_away_is_uncovered_no_more(server: RunningServer, shell: Shell) -> None:
    """What is pointed out is what is open now."""
    account = new_account()
    with Client(server.target, account=account) as client:
        client.record_execution(execution(Action.OPEN, sold("1", "0.02", FAR_PUT), position_id="turned"))
        assert cells(shell.rows("positions", "--account", account), "turned")[-1] == "no mark, uncovered"
        turn = bought("1", "0.01", FAR_PUT), sold("1", "0.02", FAR_CALL, time=june(9))
        roll = execution(
            Action.ROLL, *turn, position_id="turned", from_symbols=(FAR_PUT,), to_symbols=(FAR_CALL,)
        )  # fmt: skip
        client.record_execution(roll)
    assert cells(shell.rows("positions", "--account", account), "turned")[-1] == "no mark"


def test_orders_wait_below_the_positions(shell: Shell, book: str) -> None:
    """A chain whose order rests is no position: it stands in a list of its own, without figures."""
    rows = shell.rows("positions", "--account", book)
    below = rows[rows.index(["Waiting for their first fill"]) :]
    assert cells(below, "waiting") == ["waiting", "LIVE", "covered call", "ord-1", "sell", FAR_CALL, "0.3", "0.02"]


def test_filters_and_limit(shell: Shell, book: str, server: RunningServer) -> None:
    """Filters are joined by "and", limits say that there is more, and an account has to be named only once."""
    live = shell("positions", "--mode", "LIVE", "--strategy", "short-strangle", ROLLBOOK_ACCOUNT=book).stdout
    assert "strangle" in live
    assert "cc " not in live
    assert "DRY RUN" not in live
    few = shell("positions", "--limit", "2", "--account", book).stdout
    assert "There are more: raise --limit, or say 0 for all. The sums are of what is shown." in few
    assert shell("positions", "--account", new_account()).stdout == "Nothing is open.\n"
    with Client(server.target, account=new_account()) as client:
        client.record_execution(execution(Action.OPEN, sold("1", "0.02", FAR_CALL)))
    everybody = shell.rows("positions", "--underlying", "btc")
    assert [cell.strip() for cell in everybody[1][:3]] == ["Account", "Position", "Contract"]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_number_is_cut_off_or_broken(width: int, shell: Shell, book: str) -> None:
    """However narrow the page, each figure that is shown is whole; what has no room is named."""
    wide = shell("positions", "--account", book).stdout
    narrow = shell("positions", "--account", book, COLUMNS=str(width)).stdout
    assert "…" not in narrow
    for figure in ("+0.0020", "+2,279.87", "+539.50", "+32.0", FAR_CALL, "strangle"):
        assert figure in wide
        assert figure in narrow
    assert ("Left out, the terminal is too narrow: Entry, Mark." in narrow) == (width < 100)
    if width >= 80:
        assert max(map(len, narrow.splitlines())) <= width


def test_positions_as_json(shell: Shell, book: str) -> None:
    """--json prints the API's answer in protobuf's mapping, all pages as one, every digit a string."""
    said = shell.json("positions", "--account", book)
    answer = ParseDict(said, ledger_service_pb2.ListChainsResponse())
    assert {chain.position_id for chain in answer.chains} == {
        "cc", "strangle", "linear", "blind", "rolling", "rolled", "waiting", "paper"
    }  # fmt: skip
    value = next(value for value in said["valuations"] if value["position_id"] == "cc")
    assert value["unrealized_pnl_usd"] == "206.935375"
    assert len(shell.json("positions", "--account", book, "--limit", "3")["chains"]) == 3


# closed, chain, portfolio


def test_closed(shell: Shell, book: str) -> None:
    """What each closed chain earned after fees, and sums whose percentages divide sums."""
    rows = shell.rows("closed", "--account", book)
    assert rows[0] == ["LIVE · BTC"]
    # 0.5 · 0.015 - 0.0002; (0.01 - 0.0001) · 104000 - (0.0025 + 0.0001) · 101000
    assert cells(rows, "won") == [
        "won", CALL, "2025-06-09", "7.0", "0", "+0.0073", "+767.00", "+73.0", "+75.0", "bought back"
    ]  # fmt: skip
    assert cells(rows, "lost")[5:9] == ["-0.0077", "-755.50", "-102.7", "-100.0"]
    # -0.0004 of 0.0175
    assert cells(rows, "Sum") == ["Sum", "1 of 2 won", "-0.0004", "+11.50", "-2.3", "0.0"]
    assert "Nothing is closed." in shell("closed", "--account", book, "--since", "2025-06-10").stdout
    assert "won" in shell("closed", "--account", book, "--since", "2025-06-09", "--before", "2025-06-09T10:00").stdout
    assert "These are the newest 1" in shell("closed", "--account", book, "--limit", "1").stdout


def test_a_chain_in_full(shell: Shell, book: str) -> None:
    """Legs, rolls and cash lines with every digit; the lines add up to the net cash below them."""
    rows = shell.rows("chain", "rolled", "--account", book)
    assert rows[0] == ["rolled · LIVE · covered call · open"]
    assert cells(rows, "Net PnL")[:3] == ["Net PnL", "0.030", "2,900.00"]
    assert cells(rows, "1")[:3] == ["1", FAR_CALL, "closed"]
    assert cells(rows, "2")[:3] == ["2", FAR_LATER, "open"]
    roll = rows[rows.index(["Rolls"]) :]
    assert cells(roll, "1")[2:] == [FAR_CALL, FAR_LATER, "up, out", "0.025", "roll_out"]
    lines = rows[rows.index(["Cash lines"]) :]
    assert [[cell.strip() for cell in row[2:-1]] for row in lines if row and row[0].startswith("2025-06-")] == [
        ["sold", FAR_CALL, "1", "0.050", "0", "+0.050", "+4,500.00"],
        ["bought back", FAR_CALL, "1", "0.020", "0", "-0.020", "-1,600.00"],
        ["sold", FAR_LATER, "1", "0.045", "0", "+0.045", "+4,500.00"],
    ]
    assert cells(lines, "Net cash") == ["Net cash", "0", "+0.075", "+7,400.00"]
    assert "no mark: " in shell("chain", "rolled", "--account", book).stdout


def test_a_chain_is_found_without_its_account(shell: Shell, book: str, server: RunningServer) -> None:
    """Where one account alone has such a position, it need not be named; where several have it, they are listed."""
    assert shell.json("chain", "strangle")["chain"]["account"] == book
    other = new_account()
    with Client(server.target, account=other) as client:
        client.record_execution(execution(Action.OPEN, sold("1", "0.02", FAR_CALL), position_id="linear"))
    said = shell.complaint("chain", "linear", code=2)
    assert said.startswith("several accounts have a position linear (")
    assert book in said
    assert other in said
    assert said.endswith("name one with --account")


def test_portfolio(shell: Shell, book: str) -> None:
    """Totals per currency, LIVE and DRY_RUN apart, with all that is missing from them said below."""
    rows = shell.rows("portfolio", "--account", book, "--since", "2025-06-09", "--before", "2025-06-10")
    assert [row[0] for row in rows if len(row) == 1 and row[0].startswith(("LIVE", "DRY"))] == [
        "LIVE", "DRY RUN (simulated)"
    ]  # fmt: skip
    btc, usdc = ([cell.strip() for cell in row] for row in rows[3:5])
    # net: -0.00015 + 0.03 + 0.001 - 0.0004
    # in the period: 0.03 + 0.001 + 0.0074 - 0.0076 BTC, 2900 + 100 + 777.4 - 745.1 USD
    assert btc[:6] == [book, "BTC", "5", "2", "1", "+0.03045"]
    assert btc[7:9] == ["+0.0308", "+3,032.30"]
    assert usdc[:7] == [book, "USDC", "1", "0", "0", "-3.00", "-3.00"]
    text = " ".join(shell("portfolio", "--account", book).stdout.split())
    assert "1 chain without a USD figure (no index price)" in text
    assert "1 position without a mark" in text
    assert "1 chain with a fee missing" in text
    assert "1 position uncovered" in text
    assert "1 position with a roll half done, 1 chain waiting for a first fill." in text
    assert "Missing from these totals: 1 refused command with LIVE fills" in text
    assert len(shell.json("portfolio", "--account", book)["rows"]) == 3


# entries, refused


def test_entries(shell: Shell, book: str) -> None:
    """The journal newest first, each entry with what it did and its flags; of one position, after a revision."""
    rows = shell.rows("entries", "--account", book, "--position", "strangle")
    assert [cell.strip() for cell in rows[2]][1:] == [
        "2025-06-02 09:00", "strangle", "open", f"sold 1 {FAR_CALL} @ 0.02"
    ]  # fmt: skip
    assert [[cell.strip() for cell in row] for row in rows[3:5]] == [
        [f"sold 2 {FAR_PUT} @ 0.01"],
        ["(fee missing)"],
    ]
    said = shell.json("entries", "--account", book, "--limit", "4")
    revisions = [int(entry["revision"]) for entry in said["entries"]]
    assert revisions == sorted(revisions, reverse=True)
    assert len(revisions) == 4
    after = shell.json("entries", "--account", book, "--after", str(revisions[2]))
    assert [int(entry["revision"]) for entry in after["entries"]] == revisions[:2]
    text = shell("entries", "--account", book, "--limit", "0").stdout
    assert "open resting" in text
    assert "open, dry run" in text
    assert "order ord-1 sell 0.3" in text


def test_refused(shell: Shell, book: str) -> None:
    """What was refused with its reason, field and request_id; --json gives the execution back, to be corrected."""
    text = " ".join(shell("refused", "--account", book).stdout.split())
    assert f"{book} · LIVE · close CLOSES_MORE_THAN_OPEN at fills[0].quantity: closes 9 of {FAR_CALL}" in text
    assert f"bought 9 {FAR_CALL} @ 0.001 request_id {REFUSED_ID}" in text
    (refusal,) = shell.json("refused", "--account", book)["refusals"]
    assert refusal["execution"]["fills"][0]["quantity"] == "9"
