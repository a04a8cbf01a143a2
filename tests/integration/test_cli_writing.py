"""`rollbook record`, `settle` and `marks`: what a person or a bot reports from the shell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rollbook import (
    Action,
    Client,
)
from tests.support.server import RunningServer
from tests.support.shell import EXAMPLE, Shell, cells
from tests.support.trading import (
    CALL,
    EXPIRY,
    USDC_CALL,
    JuneServers,
    execution,
    new_account,
    sold,
)

FAR_LATER = "BTC-25JUN99-110000-C"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JuneServers]:
    with JuneServers(tmp_path_factory.mktemp("cli")) as servers:
        yield servers


@pytest.fixture
def server(servers: JuneServers) -> RunningServer:
    return servers.server()


@pytest.fixture
def shell(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(server.target, tmp_path_factory.getbasetemp() / "pycache-writing")


def fill(**more: str) -> dict[str, Any]:
    """The example with another fill."""
    return {**EXAMPLE, "fills": [{**EXAMPLE["fills"][0], **more}]}


def test_record_twice_has_one_effect(shell: Shell, tmp_path: Path) -> None:
    """A file without a request_id can be sent twice: the id is made from its content, and it counts once."""
    account, file = new_account(), tmp_path / "fill.json"
    file.write_text(json.dumps(EXAMPLE))
    first = shell("record", str(file), "--account", account).stdout
    assert first.startswith("Recorded in BTC-")
    assert "request_id " in first
    assert "FEE_MISSING: a fill came without its fee" in first
    file.write_text(json.dumps(dict(reversed(EXAMPLE.items())), indent=4))  # the same said in another order
    assert shell("record", str(file), "--account", account).stdout == first
    assert len(shell.json("entries", "--account", account)["entries"]) == 1
    other = new_account()  # another book is another execution
    shell("record", str(file), "--account", other)
    assert len(shell.json("entries", "--account", other)["entries"]) == 1


def test_a_request_id_of_its_own_wins(shell: Shell) -> None:
    """With a request_id the file's own counts; used for other content it is refused, with what to do."""
    account = new_account()
    said = {**EXAMPLE, "request_id": "3f0c5b7e-9a51-4a3e-8f26-0d8f1b9e7a10", "account": account}
    assert f"request_id {said['request_id']}" in shell("record", "-", stdin=json.dumps(said)).stdout
    complaint = shell.complaint("record", "-", stdin=json.dumps({**said, "reason": "changed"}), code=1)
    assert "(REQUEST_ID_REUSED" in complaint
    assert complaint.endswith("— what was recorded stays as it is: give this one a request_id of its own")


def test_the_example_is_recorded(shell: Shell) -> None:
    """What --example prints is a file that `record` takes."""
    example = json.loads(shell("record", "--example").stdout)
    example["account"] = new_account()
    assert shell.json("record", "-", stdin=json.dumps(example))["position_id"]


def test_half_a_list_is_refused(shell: Shell) -> None:
    """The items of a list are judged one by one: the others stand, each refusal is explained, the exit code is 1."""
    account = new_account()
    batch = [fill(trade_id="1"), fill(trade_id="2", symbol="BTC-31FEB25-1-C"), fill(trade_id="3")]
    done = shell("record", "-", "--account", account, stdin=json.dumps(batch), code=1)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows[2:5]] == [["0", "recorded"], ["1", "refused"], ["2", "recorded"]]
    assert "1 refused: 'BTC-31FEB25-1-C' is not the name of an option" in " ".join(done.stdout.split())
    assert "(MALFORMED_SYMBOL, fills[0].symbol)" in " ".join(done.stdout.split())
    assert done.stderr.startswith("rollbook: 1 of 3 executions refused — `rollbook refused` keeps them")
    again = shell("record", "-", "--account", account, "--json", stdin=json.dumps(batch), code=1)
    results = json.loads(again.stdout)["results"]
    assert [list(result) for result in results] == [["recorded"], ["refused"], ["recorded"]]
    assert sum("execution" in entry for entry in shell.json("entries", "--account", account)["entries"]) == 2


def test_a_list_longer_than_a_call(shell: Shell) -> None:
    """More executions than a call takes are sent in several, in order, and answered as one."""
    account = new_account()
    batch = [fill(trade_id=str(number)) for number in range(501)]
    said = shell.json("record", "-", "--account", account, stdin=json.dumps(batch))
    revisions = [int(result["recorded"]["revision"]) for result in said["results"]]
    assert len(revisions) == 501
    assert revisions == sorted(set(revisions))
    assert int(said["revision"]) == revisions[-1]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("{", "stdin is no JSON: "),
        ('{"mode": "MODE_LIVE", "mode": "MODE_DRY_RUN"}', "stdin is no JSON: 'mode' is said twice"),
        ("3", "stdin is not a JSON object"),
        ("[]", "the list is empty"),
        ("[3]", "stdin[0] is not a JSON object"),
        ('{"modus": 1}', 'stdin: Message type "rollbook.v1.ExecutionResult" has no field named "modus"'),
        ('{"mode": "REAL"}', "stdin: Failed to parse mode field: Invalid enum value REAL"),
        ('[{"collateral": 0.1}]', "stdin[0]: Failed to parse collateral field"),
        ('{"fills": [{}, {"price": "1,5"}]}', "stdin.fills[1].price is no decimal in plain notation"),
        ("[{}, {}]", "executions 0 and 1 have one request_id, or say the same and have none"),
    ],
)
def test_a_file_that_cannot_be_read(said: str, complaint: str, shell: Shell) -> None:
    """What is wrong with a file is said with its place, nothing is sent, and the exit code is 2."""
    sentence = shell.complaint("record", "-", "--account", "main", stdin=said, code=2)
    assert sentence.startswith(complaint)
    assert "nothing was sent" in sentence


def test_an_account_is_needed(shell: Shell, tmp_path: Path) -> None:
    """A command is always of one account: none named, and it says how to."""
    said = shell.complaint("record", "-", stdin=json.dumps(EXAMPLE), code=2)
    assert said == ('whose book? Name the account with --account or ROLLBOOK_ACCOUNT, or write "account" into stdin')
    assert "whose book?" in shell.complaint("settle", CALL, "100000", code=2)
    missing = tmp_path / "missing.json"
    assert shell.complaint("record", str(missing), code=2).endswith("No such file or directory — nothing was sent")


# settle, marks


def test_settle_a_contract(shell: Shell, server: RunningServer) -> None:
    """A delivery price settles what was open; again it changes nothing, and another price is refused."""
    account = new_account()
    with Client(server.target, account=account) as client:
        client.record_execution(execution(Action.OPEN, sold("1", "900", USDC_CALL, fee="3"), position_id="one"))
    said = shell("settle", USDC_CALL, "107231.5", "--account", account).stdout
    assert said.startswith(f"LIVE: {USDC_CALL} delivered at 107,231.5, revision ")
    assert "1 position settled, one." in " ".join(said.split())
    # 900 - 7231.5 - 3 - 0.00015 · 107231.5
    assert cells(shell.rows("closed", "--account", account), "one")[5] == "-6,350.58"
    shell("settle", USDC_CALL, "107231.50", "--account", account)
    refusal = shell.complaint("settle", USDC_CALL, "107231.6", "--account", account, code=1)
    assert refusal.endswith("— `rollbook entries` shows the price that was recorded")


def test_settle_an_expiry(shell: Shell, server: RunningServer) -> None:
    """By index and day all contracts of that expiry are settled; the day alone means 08:00 UTC."""
    account = new_account()
    with Client(server.target, account=account) as client:
        client.record_execution(execution(Action.OPEN, sold("1", "0.02"), position_id="one"))
    said = shell.json("settle", "90000", "--index", "btc_usd", "--expiry", "2025-06-27", "--account", account)
    assert said["position_ids"] == ["one"]
    settled = shell.json("entries", "--account", account)["entries"][0]
    assert settled["settlement"]["expiry_time"] == EXPIRY.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((CALL, "1", "2"), "one contract and one price at a time"),
        (("1",), "either a contract, or an index and its expiry"),
        (("1", "--index", "btc_usd"), "either a contract, or an index and its expiry"),
        ((CALL, "1", "--index", "btc_usd", "--expiry", "2025-06-27"), "either a contract, or an index"),
        ((CALL, "1", "--expiry", "2025-06-27"), "either a contract, or an index"),
        ((CALL, "much"), "'much' is no number — write it plainly, for example 104250.5"),
        ((CALL, "1", "--mode", "real"), "--mode knows no 'real' — say live or dry_run"),
        (("1", "--index", "btc_usd", "--expiry", "June"), "'June' is no time"),
    ],
)
def test_settle_says_how_it_is_used(words: tuple[str, ...], complaint: str, shell: Shell) -> None:
    """What cannot be meant is refused before anything is sent."""
    assert shell.complaint("settle", *words, "--account", "main", code=2).startswith(complaint)


def test_marks(shell: Shell, server: RunningServer, tmp_path: Path) -> None:
    """Marks typed or from a file value what is open; an older one is ignored, and said so."""
    account = new_account()
    with Client(server.target, account=account) as client:
        client.record_execution(execution(Action.OPEN, sold("1", "0.02", FAR_LATER), position_id="one"))
    typed = ("marks", f"{FAR_LATER}=0.008", "--index", "104250.5", "--account", account)
    assert shell(*typed).stdout == f"LIVE: 1 mark taken, of account {account}.\n"
    assert cells(shell.rows("positions", "--account", account), "one")[5:9] == [
        "0.0080",
        "+0.0120",
        "+1,166.00",
        "+60.0",
    ]
    ignored = shell(*typed, "--time", "2025-06-05").stdout
    assert "0 marks taken" in ignored
    assert f"Ignored, for a mark as new or newer is there: {FAR_LATER}." in ignored
    file = tmp_path / "marks.json"
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    file.write_text(json.dumps([{"symbol": FAR_LATER, "mark_time": now, "mark_price": "0.004"}]))
    assert shell.json("marks", str(file), "--account", account)["accepted"] == 1
    row = cells(shell.rows("positions", "--account", account), "one")
    assert row[5:] == ["0.0040", "+0.0160", "—", "+80.0", "no USD"]
    request = {"mode": "MODE_DRY_RUN", "marks": [{"symbol": FAR_LATER, "mark_time": now, "mark_price": "0.1"}]}
    assert shell("marks", "-", stdin=json.dumps(request)).stdout == (
        "DRY RUN (simulated): 1 mark taken, shared by all accounts.\n"
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((f"{CALL}=",), "'' is no number"),
        ((f"{CALL}=1", "nonsense"), "'nonsense' is not SYMBOL=PRICE"),
        ((f"{CALL}=1", "ETH-27JUN25-3000-C=1", "--index", "5"), "--index is the price of one coin"),
        (("marks.json", "--index", "5"), "--index and --time are for SYMBOL=PRICE"),
    ],
)
def test_marks_say_how_they_are_used(words: tuple[str, ...], complaint: str, shell: Shell) -> None:
    """What cannot be meant is refused before anything is sent."""
    assert shell.complaint("marks", *words, code=2).startswith(complaint)


def test_a_refused_execution_is_corrected(shell: Shell, server: RunningServer) -> None:
    """The execution that --json shows, corrected, is what `record` takes; then nothing is refused any more."""
    account = new_account()
    with Client(server.target, account=account) as client:
        client.record_execution(execution(Action.OPEN, sold("1", "0.02"), position_id="one"))
    wrong = {**EXAMPLE, "action": "ACTION_CLOSE", "position_id": "one"}
    wrong["fills"] = [{**EXAMPLE["fills"][0], "side": "SIDE_BUY", "quantity": "3"}]
    assert "refused" in shell.complaint("record", "-", "--account", account, stdin=json.dumps(wrong), code=1)
    (refusal,) = shell.json("refused", "--account", account)["refusals"]
    refusal["execution"]["fills"][0]["quantity"] = "1"
    shell("record", "-", stdin=json.dumps(refusal["execution"]))
    assert shell.json("refused", "--account", account)["refusals"] == []
    assert "Nothing that was refused waits" in shell("refused", "--account", account).stdout
    assert "corrected by revision" in shell("refused", "--account", account, "--all").stdout
