"""What docs/clients.md shows is run as it stands, and prints what its comments say."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess, run
from typing import Any

import pytest

from tests.support.server import RunningServer

CLIENTS = Path(__file__).parents[2] / "docs/clients.md"
ADDRESS = "127.0.0.1:50051"


def blocks(language: str) -> list[str]:
    """The page's blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", CLIENTS.read_text(), re.DOTALL)


PROGRAM = "\n".join(blocks("python"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("clients") / "ledger.db") as running:
        yield running


@pytest.fixture(scope="module")
def program(server: RunningServer) -> CompletedProcess[str]:
    """The blocks of Python, run as one program with nothing changed but the server's address."""
    assert ADDRESS in PROGRAM
    command = [sys.executable, "-W", "error", "-c", PROGRAM.replace(ADDRESS, server.target)]
    return run(command, capture_output=True, text=True, timeout=60, check=False, cwd=server.db.parent)


def test_the_program_of_the_page_runs(program: CompletedProcess[str]) -> None:
    """It prints what the comments behind its prints say, in their order."""
    said = [line for told in re.findall(r"print\(.*\)  # (.*)$", PROGRAM, re.MULTILINE) for line in told.split("  # ")]
    assert program.returncode == 0, program.stderr
    assert program.stdout.splitlines() == said


def names(app: Any) -> set[str]:
    """The commands of an app or of a group."""
    return {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}


def script(server: RunningServer, lines: str) -> CompletedProcess[str]:
    """Lines of a shell, run where the server's file is."""
    head = f'set -e; rollbook() {{ "{sys.executable}" -m rollbook.cli "$@"; }}\n'
    env = {**os.environ, "COLUMNS": "200", "ROLLBOOK_SERVER": server.target}
    return run(
        ["bash", "-c", head + lines.replace(ADDRESS, server.target)],
        capture_output=True, text=True, timeout=110, check=False, cwd=server.db.parent, env=env,
    )  # fmt: skip


def test_every_command_is_shown() -> None:
    """Each command of `rollbook`, and each of its groups."""
    pytest.importorskip("typer", reason="the extra rollbook[cli] is not in this environment")
    from rollbook.cli.commands import app

    text = "\n".join(blocks("sh"))
    groups = {group.name: group.typer_instance for group in app.registered_groups if group.name}
    assert set(re.findall(r"^rollbook (\w+)", text, re.MULTILINE)) == names(app) | set(groups)
    for name, group in groups.items():
        shown = set(re.findall(rf"^rollbook {name} ([\w-]+)", text, re.MULTILINE))
        told = {f"{before}{verb}" for before in ("", "sweep-") for verb in ("resume", "cancel", "delete")}
        assert shown | told >= names(group)


def test_the_commands_of_the_page_run(server: RunningServer, program: CompletedProcess[str]) -> None:
    """Each of the ledger's that comes to an end works on the ledger that the program has left; for the one that does
    not, see test_cli_watch.py."""
    pytest.importorskip("typer", reason="the extra rollbook[cli] is not in this environment")
    (lines,) = (block for block in blocks("sh") if ADDRESS in block)
    (fill,) = blocks("json")
    (server.db.parent / "fill.json").write_text(fill)
    done = script(server, lines)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert all(name in done.stdout for name in ("calls-1", "calls-2", "puts-1", "CLOSES_MORE_THAN_OPEN"))


def test_the_labs_commands_of_the_page_run(server: RunningServer) -> None:
    """From no data to runs that have ended, as they stand; for those that name a run, see test_cli_lab.py."""
    pytest.importorskip("typer", reason="the extra rollbook[cli] is not in this environment")
    (lines,) = (block for block in blocks("sh") if "data synthetic" in block)
    done = script(server, lines)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert all(told in done.stdout for told in ("synthetic-btc", "held BTC", "rolled USD", "BTC calls, 0.20 delta"))
