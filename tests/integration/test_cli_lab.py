"""`rollbook backtest` and `rollbook data` as people use them: against a real server, in a pipe and on a terminal."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rich", reason="the extra rollbook[cli] is not in this environment")

from rollbook import BacktestState, Lab, specs
from tests.support.server import RunningServer
from tests.support.shell import Shell, cells
from tests.support.terminal import PATIENCE, Terminal

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/covered-call.yaml"
WHEEL = ROOT / "docs/examples/wheel.yaml"
SLOW = ("--lab-part", "0.000001")
"""Flags of a server whose parts are as short as they can be: what is killed or paused is killed in the middle."""
LONG = (str(EXAMPLE), "--set", "decision_interval_hours=1", "--set", "max_open_chains=64")
"""A run that takes some seconds, on a decade."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db") as running:
        yield running


@pytest.fixture(scope="module")
def shell(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(server.target, tmp_path_factory.getbasetemp() / "pycache-lab")


@pytest.fixture(scope="module")
def market(shell: Shell) -> list[dict[str, Any]]:
    """A year that is made up, under the name that the example uses."""
    datasets: list[dict[str, Any]] = shell.json("data", "synthetic", "--days", "365")["datasets"]
    return datasets


@pytest.fixture(scope="module")
def done(shell: Shell, market: list[dict[str, Any]]) -> str:
    """A run of the example that has ended."""
    said = shell("backtest", "run", str(EXAMPLE), "--watch").stdout
    return said.splitlines()[0].removeprefix("Queued ")


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[RunningServer]:
    """On a port of its own, so that it can come back to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with RunningServer(tmp_path / "ledger.db", *SLOW, listen=f"127.0.0.1:{port}") as running:
        yield running


@pytest.fixture
def slow_shell(slow: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """On a market of a decade."""
    made = Shell(slow.target, tmp_path_factory.getbasetemp() / "pycache-lab")
    made("data", "synthetic", "--days", "4000")
    return made


# Data


def test_data_is_made_imported_and_listed(shell: Shell, market: list[dict[str, Any]], tmp_path: Path) -> None:
    """A made-up market is two datasets of one name; a file is one, its gaps are listed; again they are the same."""
    assert [(each["name"], each["kind"]) for each in market] == [
        ("synthetic-btc", "DATASET_KIND_BARS"),
        ("synthetic-btc", "DATASET_KIND_VOLATILITY"),
    ]
    assert shell.json("data", "synthetic", "--days", "365")["datasets"] == market
    [dvol] = shell.json("data", "synthetic", "--kind", "volatility", "--days", "30", "--name", "v")["datasets"]
    assert dvol["kind"] == "DATASET_KIND_VOLATILITY"

    file = tmp_path / "hours.csv"
    hours = [hour for hour in range(48) if hour not in (5, 6)]
    rows = [f"{1_609_459_200_000 + hour * 3_600_000},100,101,99,100" for hour in hours]
    file.write_text("\n".join(["ts,open,high,low,close", *rows]))
    words = ("data", "import", str(file), "--kind", "bars", "--underlying", "eth")
    imported = shell.json(*words)["dataset"]
    assert (imported["underlying"], imported["rows"], imported["gaps"]) == ("ETH", "46", 1)
    assert f"Registered {imported['dataset_id']}." in shell(*words).stdout
    row = cells(shell.rows("data", "list", "--underlying", "ETH"), imported["dataset_id"][: len("eth-bars-") + 8])
    assert row[1:] == ["hours.csv", "bars", "ETH", "2021-01-01", "2021-01-02", "1 h", "46", "1", "hours.csv"]
    gaps = shell("data", "gaps", "hours.csv").stdout
    assert "2021-01-01 05:00  2021-01-01 07:00             2" in gaps
    assert shell.json("data", "gaps", imported["dataset_id"][:12])["gaps"][0]["missing_rows"] == "2"
    assert "has no gaps" in shell("data", "gaps", market[0]["dataset_id"]).stdout
    assert {each["dataset_id"] for each in market} < {
        each["dataset_id"] for each in shell.json("data", "list", "--limit", "0")["datasets"]
    }


# Runs


def test_the_example_is_a_file_and_what_the_command_shows(shell: Shell) -> None:
    """docs/examples holds what --example prints, and it is a spec."""
    shown = shell("backtest", "run", "--example").stdout
    assert shown == EXAMPLE.read_text(encoding="utf-8")
    assert specs.load(EXAMPLE) == specs.parse(shown)


def test_a_wheel_shows_its_cycles(shell: Shell, done: str, tmp_path: Path) -> None:
    """The example of a wheel runs on a made-up year: `show` and `cycles` have a row for each cycle with what its coins
    cost, so does the report; another strategy has none."""
    shell("data", "synthetic", "--days", "365", "--seed", "13", "--name", "turns")
    data = ("--set", "data.spot_dataset_id=turns", "--set", "data.volatility_dataset_id=turns")
    said = shell("backtest", "run", str(WHEEL), *data, "--watch").stdout
    run = said.splitlines()[0].removeprefix("Queued ")
    cycles = shell.json("backtest", "cycles", run)["cycles"]
    assert [each["number"] for each in cycles] == [1, 2, 3, 4]
    text = shell("backtest", "show", run).stdout
    for told in (
        "BTC wheel, linear",
        "Cycles completed",
        "Mean PnL of a cycle",
        "Last cycles",
        "no call is sold below",
    ):
        assert told in text, told
    listed = shell("backtest", "cycles", run).stdout
    for cycle in cycles[:3]:
        cost = f"{cycle['effective_cost']:,.2f}"
        assert cost in text
        assert cost in listed
    assert "completed" in listed
    page = tmp_path / "wheel.html"
    shell("backtest", "report", run, "--out", str(page))
    assert "Cycles of the wheel" in page.read_text(encoding="utf-8")
    assert "This is no wheel" in shell("backtest", "cycles", done).stdout


def test_a_run_is_shown(shell: Shell, done: str) -> None:
    """Its state, metrics in coin and in USD, equity against HODL, last decisions and chains."""
    text = shell("backtest", "show", done[:6]).stdout
    assert f"{done} · BTC calls, 0.20 delta" in text
    for told in ("succeeded · 100.0 %", "BTC covered call, inverse", "Net profit", "Ahead of HODL", "Win rate", "█"):
        assert told in text
    for told in ("Last decisions", "Last chains", "bars made up."):
        assert told in " ".join(text.split())
    answer = shell.json("backtest", "show", done)["backtest"]
    assert answer["status"]["state"] == "BACKTEST_STATE_SUCCEEDED"
    row = cells(shell.rows("backtest", "list"), done[:8])
    assert row[:5] == [done[:8], "BTC calls, 0.20 delta", "succeeded", "100 %", "BTC"]
    listed = shell.json("backtest", "list", "--state", "succeeded", "--underlying", "btc", "--limit", "0")
    assert done in [run["backtest_id"] for run in listed["backtests"]]
    assert "There are no runs" in shell("backtest", "list", "--state", "paused").stdout


def test_chains_of_a_run(shell: Shell, done: str) -> None:
    """All chains with their legs, or the first so many; what the JSON says is what the table shows."""
    answer = shell.json("backtest", "chains", done)
    first = answer["chains"][0]
    row = cells(shell.rows("backtest", "chains", done, "--limit", "1"), "1")
    assert row[1] == first["legs"][0]["symbol"]
    assert "There are more" in shell("backtest", "chains", done, "--limit", "1").stdout
    assert "* The delivery price was made from bars." in shell("backtest", "chains", done).stdout


def test_a_report_is_written(shell: Shell, done: str, tmp_path: Path) -> None:
    """A page of HTML in a file, or on stdout; where it cannot be written one sentence says so."""
    file = tmp_path / "run.html"
    assert f"Wrote {file}, " in shell("backtest", "report", done[:8], "--out", str(file)).stdout
    page = file.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "BTC calls, 0.20 delta" in page
    assert shell("backtest", "report", done, "--out", "-").stdout == page
    assert shell.json("backtest", "report", done, "--out", str(file))["html"] == page
    assert "cannot be written" in shell.complaint("backtest", "report", done, "--out", str(tmp_path), code=2)


def test_training_data_is_exported(shell: Shell, done: str, tmp_path: Path) -> None:
    """The file's end says how it is written; what it holds is told, and where it cannot be written, one sentence and no
    file."""
    file = tmp_path / "rows.csv"
    said = shell("backtest", "export", done[:8], "--out", str(file), "--candidates").stdout
    lines = file.read_text().splitlines()
    assert f"Wrote {file}, {len(lines) - 1:,} rows." in said
    assert "Data hash" in said
    told = shell.json("backtest", "export", done, "--out", str(tmp_path / "rows.parquet"))["statistics"]
    assert (told["rows"], told["schema_version"]) == ("TRAINING_ROWS_EXAMPLES", 1)
    assert int(told["examples"]) < len(lines)
    assert (tmp_path / "rows.parquet").read_bytes()[:4] == b"PAR1"
    complaint = shell.complaint("backtest", "export", done, "--out", str(tmp_path / "rows.xls"), code=2)
    assert ".csv, .jsonl, .parquet" in complaint
    assert "cannot be written" in shell.complaint("backtest", "export", done, "--out", "/nowhere/x.csv", code=2)
    shell.complaint("backtest", "export", "nobody", "--out", str(tmp_path / "none.csv"), code=1)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["rows.csv", "rows.parquet"]


def test_a_spec_is_changed_on_the_way(shell: Shell, market: list[dict[str, Any]]) -> None:
    """--set wins over the file; both exit styles are one group of two runs; names of data become their ids."""
    words = ["--set", "name=x", "--set", "selection.target_delta=0.15", "--set", "end_time=2021-08-01"]
    pair = shell.json("backtest", "run", str(EXAMPLE), *words, "--exit", "both")["backtests"]
    assert [run["spec"]["exit_style"] for run in pair] == ["EXIT_STYLE_HOLD_TO_EXPIRY", "EXIT_STYLE_TP_AND_ROLL"]
    for run in pair:
        assert (run["spec"]["name"], run["spec"]["selection"]["target_delta"]) == ("x", 0.15)
        assert run["spec"]["end_time"] == "2021-08-01T00:00:00Z"
        assert run["spec"]["data"]["spot_dataset_id"] == market[0]["dataset_id"]
        assert run["spec"]["data"]["volatility_dataset_id"] == market[1]["dataset_id"]
    listed = shell.json("backtest", "list", "--group", pair[0]["group_id"])["backtests"]
    assert {run["backtest_id"] for run in listed} == {run["backtest_id"] for run in pair}
    [held] = shell.json("backtest", "run", "-", "--exit", "hold-to-expiry", stdin=EXAMPLE.read_text())["backtests"]
    assert held["spec"]["exit_style"] == "EXIT_STYLE_HOLD_TO_EXPIRY"


def test_runs_are_compared(shell: Shell, done: str) -> None:
    """A column for each run: what differs in their specs, and how they did; JSON is the API's answer."""
    other = shell("backtest", "run", str(EXAMPLE), "--set", "exits.take_profit=0.7", "--watch").stdout.splitlines()[0]
    other = other.removeprefix("Queued ")
    rows = shell.rows("backtest", "compare", done[:12], other[:12])
    assert cells(rows, "exits.take_profit")[1:] == ["0.5", "0.7"]
    assert cells(rows, "State")[1:] == ["succeeded", "succeeded"]
    assert len(cells(rows, "Net profit, in USD")) == 3
    answer = shell.json("backtest", "compare", done, other)
    assert [run["backtest_id"] for run in answer["backtests"]] == [done, other]
    assert [each["field"] for each in answer["differences"]] == ["exits.take_profit"]
    assert "named twice" in shell.complaint("backtest", "compare", done, done, code=1)


def test_a_sweep_from_its_grid_to_a_run_of_its_best_point(shell: Shell, market: list[dict[str, Any]]) -> None:
    """A sweep is watched to its end, in lines; it shows ranks, the chosen point and a heatmap; points are listed; one
    is run again; what cannot be swept is a sentence."""
    grid = ["--grid", "selection.max_delta=0.2,0.3,0.45", "--grid", "exits.take_profit=0.4,0.8"]
    said = shell("backtest", "sweep", str(EXAMPLE), *grid, "--watch").stdout
    sweep_id = said.splitlines()[0].removeprefix("Queued ")
    for told in ("Best out of sample", "Chosen in sample: point ", "Median coin.return_pct", "6 of 6 points", "rank 1"):
        assert told in said
    answer = shell.json("backtest", "sweep-show", sweep_id[:8], "--heatmap", "exits.take_profit,selection.max_delta")
    assert (len(answer["best"]), len(answer["heatmap"]["cells"])) == (6, 6)
    assert answer["heatmap"]["row_values"] == ["0.4", "0.8"]
    points = shell.json("backtest", "sweep-points", sweep_id[:8], "--limit", "2")["points"]
    assert [point["number"] for point in points] == [point["number"] for point in answer["best"][:2]]
    assert "There are more" in shell("backtest", "sweep-points", sweep_id, "--by", "creation", "--limit", "2").stdout
    assert cells(shell.rows("backtest", "sweep-list"), sweep_id[:8])[2:4] == ["succeeded", "6 of 6"]
    best = str(points[0]["number"])
    run = shell("backtest", "sweep-rerun", sweep_id, best, "--watch").stdout.splitlines()[0].removeprefix("Queued ")
    shown = shell.json("backtest", "list", "--group", sweep_id)["backtests"][0]
    assert shown["backtest_id"] == run
    assert shown["status"]["metrics"]["coin"]["return_pct"] == points[0]["value"]
    assert "SWEEP_ENDED" in shell.complaint("backtest", "sweep-pause", sweep_id[:8], code=1)
    assert "is deleted" in shell("backtest", "sweep-delete", sweep_id[:8]).stdout
    assert "SWEEP_NOT_FOUND" in shell.complaint("backtest", "sweep-show", sweep_id, code=1)
    assert "axes[0].field" in shell.complaint("backtest", "sweep", str(EXAMPLE), "--grid", "delta=1,2", code=1)
    assert "FIELD=A,B,C" in shell.complaint("backtest", "sweep", str(EXAMPLE), "--grid", "delta", code=2)


def test_a_sweep_of_folds_and_both_exits(shell: Shell, market: list[dict[str, Any]]) -> None:
    """--exit both makes the exit style a field of one sweep; --folds shows which point each window got, and what they
    made together; a point is run again in the window of one fold."""
    grid = ["--grid", "exits.take_profit=0.4,0.8", "--exit", "both", "--folds", "3"]
    said = shell("backtest", "sweep", str(EXAMPLE), *grid, "--watch").stdout
    sweep_id = said.splitlines()[0].removeprefix("Queued ")
    for told in ("3 of 3 points", "in 3 windows", "Walk forward: ", "Together", "among the 3 points", "HODL"):
        assert told in said
    assert "Chosen in sample: point" not in said
    answer = shell.json("backtest", "sweep-show", sweep_id)
    assert answer["heatmap"]["column_values"] == ["0.4", "0.8", ""]
    fold = answer["walk_forward"]["folds"][1]
    run = ["backtest", "sweep-rerun", sweep_id, str(fold["chosen"])]
    shell(*run, "--fold", "2", "--watch")
    shown = shell.json("backtest", "list", "--group", sweep_id)["backtests"][0]
    assert shown["status"]["metrics"]["coin"]["return_pct"] == fold["value"]
    assert (shown["spec"]["start_time"], shown["spec"]["end_time"]) == (fold["start_time"], fold["end_time"])
    for more in ((), ("--fold", "4")):
        assert "in each of 3 windows" in shell.complaint(*run, *more, code=2)
    held = ["--exit", "hold-to-expiry", "--grid", "selection.max_delta=0.2,0.3"]
    sweep = shell.json("backtest", "sweep", str(EXAMPLE), *held)["sweep"]
    assert sweep["spec"]["exit_style"].endswith("HOLD_TO_EXPIRY")
    assert not sweep["spec"].get("exits")
    assert "MISSING_FIELD, axes" in shell.complaint("backtest", "sweep", str(EXAMPLE), code=1)
    twice = ["--exit", "both", "--grid", "exit_style=TP_AND_ROLL"]
    assert "names a field twice" in shell.complaint("backtest", "sweep", str(EXAMPLE), *twice, code=2)


def test_both_styles_are_watched_in_a_pipe(shell: Shell, market: list[dict[str, Any]]) -> None:
    """Without a terminal --watch prints lines until both have ended, and then what came of them beside each other."""
    said = shell("backtest", "run", str(EXAMPLE), "--exit", "both", "--watch").stdout
    assert "  succeeded  100.0 %" in said
    assert "held BTC" in said
    assert "rolled USD" in said
    lines = shell("backtest", "run", str(EXAMPLE), "--watch", "--json").stdout.splitlines()
    runs = [run for line in lines for run in json.loads(line)["backtests"]]
    assert runs[-1]["status"]["state"] == "BACKTEST_STATE_SUCCEEDED"


def test_how_commands_fail(shell: Shell, done: str, market: list[dict[str, Any]], tmp_path: Path) -> None:
    """One sentence with its remedy: of a wrong spec before anything is sent, of what the server refuses after it."""
    spec = tmp_path / "spec.yaml"

    def complaint(text: str, *words: str, code: int = 2) -> str:
        spec.write_text(text)
        return shell.complaint("backtest", "run", str(spec), *words, code=code)

    assert complaint("quantitty: 1").startswith(f"{spec}: quantitty: there is no such field; ")
    assert complaint("quantity: much").endswith(
        "quantity: a number is needed, and this is the text 'much' — nothing was sent; --example shows a spec"
    )
    assert "--set is FIELD=VALUE" in complaint("name: x", "--set", "name")
    assert "--set quantity=x: quantity: a number is needed" in complaint("name: x", "--set", "quantity=x")
    assert "--exit knows no 'never'" in complaint("name: x", "--exit", "never")
    assert "cannot be read" in shell.complaint("backtest", "run", str(tmp_path / "none.yaml"), code=2)
    example = EXAMPLE.read_text()
    refused = complaint(example, "--set", "decision_hour=8", code=1)
    assert refused.startswith("refused: not at 08:00")
    assert "spec.decision_hour" in refused
    unknown = complaint(example, "--set", "data.spot_dataset_id=none", code=1)
    assert "DATASET_NOT_FOUND" in unknown
    assert "`rollbook data list`" in unknown
    for word in ("show", "watch", "pause", "resume", "cancel", "delete", "chains"):
        assert "`rollbook backtest list` shows" in shell.complaint("backtest", word, "zzz", code=1)
    assert "BACKTEST_ENDED" in shell.complaint("backtest", "pause", done, code=1)
    assert "--state knows no 'gone'" in shell.complaint("backtest", "list", "--state", "gone", code=2)
    assert "--kind knows no 'ticks'" in shell.complaint("data", "list", "--kind", "ticks", code=2)
    absent = shell.complaint("data", "import", "/none.csv", "--kind", "bars", "--underlying", "BTC", code=1)
    assert "name a file on its disk" in absent


def test_a_lab_that_cannot_be_opened_is_not_one_to_be_installed(tmp_path: Path) -> None:
    """Where its file is damaged the remedy is not an extra that is there."""
    (tmp_path / "lab.db").write_bytes(b"no database " * 1000)
    with RunningServer(tmp_path / "ledger.db") as server:
        said = Shell(server.target, tmp_path / "pycache").complaint("backtest", "list", code=1)
    assert "is damaged or no database" in said
    assert "pip install" not in said


def test_a_run_is_steered(slow_shell: Shell) -> None:
    """Paused, resumed, cancelled, deleted, each with a sentence; a watch of what was cancelled ends with code 1."""
    [run] = slow_shell.json("backtest", "run", *LONG)["backtests"]
    name = run["backtest_id"][:8]
    assert f"{run['backtest_id']} is " in slow_shell("backtest", "pause", name).stdout
    with Lab(slow_shell.target) as lab:
        for message in lab.watch_backtests(run["backtest_id"]):
            if any(each.status and each.status.state is BacktestState.PAUSED for each in message.backtests):
                break
    assert "is paused" in slow_shell("backtest", "pause", name).stdout
    assert "paused" in slow_shell("backtest", "list", "--state", "paused").stdout
    assert slow_shell.json("backtest", "resume", name)["backtest"]["status"]["state"] in (
        "BACKTEST_STATE_PENDING",
        "BACKTEST_STATE_RUNNING",
    )
    assert "is cancelled" in slow_shell("backtest", "cancel", name).stdout
    ended = slow_shell("backtest", "watch", name, code=1)
    assert ended.stderr == f"rollbook: run {name} was cancelled — what it had until then is kept\n"
    assert "is deleted" in slow_shell("backtest", "delete", name).stdout
    assert "There are no runs" in slow_shell("backtest", "list").stdout


# On a terminal


def test_a_watch_through_a_kill(slow: RunningServer, slow_shell: Shell) -> None:
    """The screen shows the run as it goes on, says when the server is gone, and goes on with it; Ctrl-C leaves the run
    at work and says how to come back. Whoever comes back sees its end, and what came of it."""
    with Terminal(slow_shell, "backtest", "run", *LONG, "--watch", columns=120, lines=40) as terminal:
        terminal.until("connected", "running, simulating", "Equity", "HODL", "Last chains", "decisions")
        slow.kill()
        terminal.until("connection lost at ", "showing figures of then, trying again", "simulating")
        slow.start()
        terminal.until("connected", "running, ", without="connection lost")
        terminal.process.send_signal(signal.SIGINT)
        code, after = terminal.over()
    assert code == 130
    sentence = " ".join(after.replace("\n", "").split())
    assert "it goes on without you" in sentence
    [run] = slow_shell.json("backtest", "list")["backtests"]
    assert run["status"]["state"] == "BACKTEST_STATE_RUNNING"
    with Terminal(slow_shell, "backtest", "watch", run["backtest_id"][:5], columns=80, lines=24) as terminal:
        terminal.until("connected", "running, ")
        slow_shell("backtest", "cancel", run["backtest_id"])
        code, after = terminal.over()
    assert code == 1
    assert "cancelled · " in after
    assert "was cancelled — what it had until then is kept" in " ".join(after.split())


def test_lines_through_a_kill(slow: RunningServer, slow_shell: Shell) -> None:
    """In a pipe stderr says that the connection is lost, and that it is back; the lines go on."""
    command = [sys.executable, "-m", "rollbook.cli", "backtest", "run", *LONG, "--watch"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=slow_shell.env
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = next((line for line in process.stdout if "simulating" in line), "")
        assert told, process.stderr.read()
        slow.kill()
        assert "connection lost, trying again" in process.stderr.readline()
        slow.start()
        assert "connected again" in process.stderr.readline()
        slow_shell("backtest", "cancel", told.split()[2])
        rest, last = process.stdout.read(), process.stderr.read()
        assert process.wait(PATIENCE) == 1
    assert "  cancelled  " in rest
    assert "was cancelled" in last


# How quickly


def test_nothing_is_loaded_in_vain(shell: Shell, market: list[dict[str, Any]]) -> None:
    """Help loads neither grpc nor the models; a list loads no other client and no pyyaml."""

    def loaded(*words: str) -> set[str]:
        command = [sys.executable, "-X", "importtime", "-m", "rollbook.cli", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=shell.env)
        return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

    for words in (("backtest", "--help"), ("backtest", "run", "--help"), ("data", "synthetic", "--help")):
        assert loaded(*words).isdisjoint({"grpc", "google.protobuf", "rollbook.models"})
    unneeded = {"pydantic", "yaml", "numpy", "rollbook._async_lab", "rollbook._client"}
    assert loaded("data", "list").isdisjoint(unneeded)
