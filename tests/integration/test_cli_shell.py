"""The commands in a shell: how they end, what their help says, what the shell completes, what they load."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from rollbook import (
    Action,
    Client,
    Flag,
    Mode,
    StrategyKind,
)
from rollbook.cli import flags, options
from rollbook.v1 import ledger_service_pb2, ledger_service_pb2_grpc
from rollbook_server.config import Settings
from tests.support.server import RunningServer
from tests.support.shell import EXAMPLE, Shell
from tests.support.tls import make_identity
from tests.support.trading import (
    FAR_CALL,
    execution,
    new_account,
    prove,
    sold,
)

COMMANDS = ("positions", "closed", "chain", "portfolio", "entries", "refused", "record", "settle", "marks", "watch")


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
    """An account with two positions."""
    account = new_account()
    with Client(server.target, account=account) as client:
        for name in ("rolling", "rolled"):
            client.record_execution(execution(Action.OPEN, sold("1", "0.02", FAR_CALL), position_id=name))
    return account


# How it ends


def test_nobody_listens(shell: Shell) -> None:
    """Without a server the sentence comes at once and says how to start one: nobody waits for the deadline."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{unused.getsockname()[1]}"
    began = time.monotonic()
    said = shell.complaint("positions", "--deadline", "30", ROLLBOOK_SERVER=nobody, code=3)
    assert time.monotonic() - began < 10
    assert said == (
        f"no server answers at {nobody} — start one with `rollbook-server serve`, or name yours with --server HOST:PORT"
    )


@pytest.mark.parametrize(
    ("words", "complaint", "code"),
    [
        (("--server", "localhost"), "--server is HOST:PORT, and 'localhost' is not", 2),
        (("--server", "nobody.invalid:1"), "there is no host nobody.invalid", 3),
        (("--deadline", "0"), "--deadline is a number of seconds above 0", 2),
        (("--limit", "few"), "'few' is no whole number from 0 on", 2),
        (("--tls-ca", "missing.pem"), "--tls-ca missing.pem cannot be read: No such file or directory", 2),
        (("--token", "two\nlines"), "a token is printable ASCII", 2),
        (("--strategy", "luck"), "--strategy knows no 'luck' — say covered_call, ", 2),
    ],
)
def test_options_that_lead_nowhere(words: tuple[str, ...], complaint: str, code: int, shell: Shell) -> None:
    """A wrong option is named in one sentence, with its remedy."""
    assert shell.complaint("positions", *words, code=code).startswith(complaint)


def test_no_answer_in_time(shell: Shell) -> None:
    """A server that accepts and says nothing: exit code 3, and for a command that it is safe to run it again."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        read = shell.complaint("positions", "--server", target, "--deadline", "0.5", code=3)
        assert read.startswith(f"{target}: no answer within 0.5 s")
        assert read.endswith("— try again, or give it more time with --deadline SECONDS")
        write = ("record", "-", "--account", "main", "--server", target, "--deadline", "0.5")
        said = shell.complaint(*write, stdin=json.dumps(EXAMPLE), code=3)
        assert said == (
            f"{target}: no answer within 0.5 s — it may be recorded or not: run the same command again, it counts once"
        )


def test_an_unknown_position(shell: Shell, book: str) -> None:
    """What is not there is the ledger's refusal: exit code 1, and where to look."""
    for words in (("--account", book), ()):
        said = shell.complaint("chain", "nothing", *words, code=1)
        assert "(POSITION_NOT_FOUND" in said
        assert said.endswith("— `rollbook positions` and `rollbook closed` list what there is")


def test_wrong_usage(shell: Shell) -> None:
    """An option that there is not, and an argument that is missing: usage on stderr, exit code 2."""
    assert "No such option" in shell("positions", "--nonsense", code=2).stderr
    assert "Missing argument 'ID'" in shell("chain", code=2).stderr


def test_a_reader_that_has_seen_enough(shell: Shell, book: str) -> None:
    """`| head` ends it quietly."""
    command = [sys.executable, "-m", "rollbook.cli", "entries", "--account", book]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=shell.env) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (0, b"")


def test_interrupted(shell: Shell) -> None:
    """Ctrl-C while it waits: exit code 130, and no traceback."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "rollbook.cli", "positions", "--server", target, "--deadline", "60"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=shell.env) as process:
            assert process.stderr is not None
            knock, _ = silent.accept()
            knock.close()
            with silent.accept()[0]:  # the call's
                process.send_signal(signal.SIGINT)
                assert (process.wait(30), process.stderr.read()) == (130, b"")


def test_without_the_extra(shell: Shell, tmp_path: Path) -> None:
    """Installed without typer and rich, the command says in one sentence how to get them."""
    for name in ("typer", "rich"):
        hidden = tmp_path / name
        hidden.mkdir()
        (hidden / f"{name}.py").write_text(f"raise ModuleNotFoundError('hidden', name={name!r})")
        done = shell("positions", code=2, PYTHONPATH=str(hidden))
        assert done.stderr == 'rollbook: this command needs typer and rich — pip install "rollbook[cli]"\n'


class Guarded(ledger_service_pb2_grpc.LedgerServiceServicer):
    """A server that wants a token, and knows one call."""

    def ListChains(  # noqa: N802
        self, request: ledger_service_pb2.ListChainsRequest, context: grpc.ServicerContext
    ) -> ledger_service_pb2.ListChainsResponse:
        if ("authorization", "Bearer secret") not in [tuple(pair) for pair in context.invocation_metadata()]:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")
        return ledger_service_pb2.ListChainsResponse()


def test_tls_and_tokens(shell: Shell, tmp_path: Path) -> None:
    """With --tls-ca and a token the command reaches a server that wants both; without, it says what is wanted."""
    certificate, key = make_identity(tmp_path)
    server = grpc.server(ThreadPoolExecutor(2))
    ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(Guarded(), server)  # type: ignore[abstract]
    target = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', grpc.ssl_server_credentials([(key, certificate)]))}"
    server.start()
    try:
        tls = ("--server", target, "--tls-ca", str(tmp_path / "certificate.pem"))
        assert shell("positions", *tls, ROLLBOOK_TOKEN="secret").stdout == "Nothing is open.\n"
        said = shell.complaint("positions", *tls, "--token", "wrong", code=1)
        assert said == f"{target} wants a token that it knows (no token) — set ROLLBOOK_TOKEN"
        said = shell.complaint("portfolio", *tls, code=1)
        assert said.startswith(f"{target} does not know this call — is it a rollbook-server")
    finally:
        server.stop(None).wait()


# Help, completion, speed


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command: str, shell: Shell) -> None:
    """Each command says what it does, with an example, on 80 columns; it needs no server for it."""
    text = shell(command, "--help", COLUMNS="80", ROLLBOOK_SERVER="nobody.invalid:1").stdout
    assert f"Example: `rollbook {command}" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "ROLLBOOK_ACCOUNT" in text


def test_help_of_the_whole(shell: Shell) -> None:
    """The first page lists all commands, and says what the exit codes mean."""
    text = shell("--help", COLUMNS="80").stdout
    assert all(f"│ {command} " in text for command in COMMANDS)
    assert "Exit codes: 0 done; 1 the server refused it; 2 wrong usage" in text
    assert shell("--version").stdout.strip()


def server_help(shell: Shell, *words: str) -> str:
    """What `rollbook-server` says."""
    command = [sys.executable, "-m", "rollbook_server", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**shell.env, "COLUMNS": "80"})
    return done.stdout


def test_help_of_the_server(shell: Shell) -> None:
    """The server's commands have their example, and the defaults in their help are those of the settings."""
    assert "Exit codes: 0 well; 1 a check found problems" in " ".join(server_help(shell, "--help").split())
    for command in ("serve", "check", "rebuild"):
        assert f"Example: `rollbook-server {command}" in server_help(shell, command, "--help")
    text = server_help(shell, "serve", "--help")
    for name, field in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        assert (
            f"[default: ({field.default:g})]" in text
            if isinstance(field.default, float)
            else str(field.default) in text
        )


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("rollbook po", ["positions", "portfolio"]),
        ("rollbook positions --mo", ["--mode"]),
        ("rollbook positions --mode ", list(options.MODES)),
        ("rollbook closed --strategy c", ["covered_call", "cash_secured_put", "credit_spread"]),
        ("rollbook-server ", ["serve", "check", "rebuild"]),
        ("rollbook-server serve --clock ", ["wall", "events"]),
        ("rollbook-server check --ex", ["--expect"]),
    ],
)
def test_the_shell_completes(line: str, offered: list[str], shell: Shell) -> None:
    """Bash is offered commands, options and values, of the client's command and of the server's."""
    assert completed(shell, line) == offered


def test_the_shell_completes_positions(shell: Shell, book: str) -> None:
    """Positions are asked of the ledger; where it cannot be asked, nothing is offered."""
    assert completed(shell, "rollbook chain ro", ROLLBOOK_ACCOUNT=book) == ["rolled", "rolling"]
    assert completed(shell, f"rollbook chain --account {book} ro") == ["rolled", "rolling"]
    assert completed(shell, "rollbook chain ro", ROLLBOOK_SERVER="127.0.0.1:1") == []


def completed(shell: Shell, line: str, **env: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    program = {"rollbook": "rollbook.cli", "rollbook-server": "rollbook_server"}[words[0]]
    variable = f"_{words[0].upper().replace('-', '_')}_COMPLETE"
    asked = {variable: "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    command = [sys.executable, "-m", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**shell.env, **asked, **env})
    assert done.stderr == ""
    return done.stdout.split()


def test_completion_is_printed_for_the_shell(shell: Shell) -> None:
    """What --show-completion prints is a script that bash can read."""
    script = shell("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1").stdout
    assert "_ROLLBOOK_COMPLETE=complete_bash" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_nothing_is_loaded_in_vain(shell: Shell, book: str) -> None:
    """Help loads neither grpc nor the models; a table is made without pydantic, which Typer would use."""
    assert loaded(shell, "positions", "--help").isdisjoint({"grpc", "google.protobuf", "rollbook.models"})
    assert loaded(shell, "positions", "--account", book).isdisjoint({"pydantic", "rollbook._async_client"})


def loaded(shell: Shell, *words: str) -> set[str]:
    """The modules that a command loads."""
    command = [sys.executable, "-X", "importtime", "-m", "rollbook.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=shell.env)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


# Written down twice


def test_words_are_those_of_the_api() -> None:
    """Modes and strategies are spelled as in the API, and each of its flags is explained."""
    said = {"UNSPECIFIED", "UNRECOGNIZED"}
    assert [mode.upper() for mode in options.MODES] == [mode.name for mode in Mode if mode.name not in said]
    assert [kind.upper() for kind in options.STRATEGIES] == [
        kind.name for kind in StrategyKind if kind.name not in said
    ]
    assert {flag.name for flag in flags.FLAG_MEANING} == {flag.name for flag in Flag} - said
