"""`make run` and `rollbook-web serve` as processes: what they say, and that nothing is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from tests.support.page import PATIENCE, RunningPage, StartFailed
from tests.support.server import RunningServer

ROOT = Path(__file__).resolve().parents[2]


class Made:
    """`make run` in a process group of its own, as in a terminal."""

    def __init__(self, data: Path, **variables: str) -> None:
        words = [f"{name}={value}" for name, value in variables.items()]
        self.process = subprocess.Popen(
            # As it is installed: a test is not to make the environment that it runs in.
            ["make", "--no-print-directory", "--old-file=.venv/ready", "run", f"DATA={data}", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.complained: list[str] = []
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=self.complained.extend, args=(self.process.stderr,), daemon=True)
        self._reader.start()

    def told(self) -> dict[str, str]:
        """Page, server and data, as they are printed."""
        assert self.process.stdout is not None
        found: dict[str, str] = {}
        for line in self.process.stdout:
            name, _, value = line.partition(" ")
            found[name] = value.strip()
            if line.startswith("Ctrl-C"):
                break
        return found

    def ended(self) -> int:
        """Waits for its end; the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def close(self) -> None:
        """Whatever the test left."""
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait(PATIENCE)


@contextmanager
def made(data: Path, **variables: str) -> Iterator[Made]:
    running = Made(data, **{"SERVER": "127.0.0.1:0", "PAGE": "127.0.0.1:0", **variables})
    try:
        yield running
    finally:
        running.close()


def until_nobody_is_left(group: int) -> None:
    """Waits until a process group is empty: what the server's own children leave goes a moment after it."""
    end = time.monotonic() + PATIENCE
    while left := [path for path in Path("/proc").iterdir() if path.name.isdigit() and _lives_in(path, group)]:
        assert time.monotonic() < end, left


def _lives_in(process: Path, group: int) -> bool:
    try:
        state, _, of, *_ = (process / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return int(of) == group and state != "Z"  # one that is dead waits for its parent, which may be the container's


def test_one_command_serves_both_until_ctrl_c(tmp_path: Path) -> None:
    """The addresses are printed when they answer; Ctrl-C ends make, server and page, and leaves the ledger free for the
    next time; so does a SIGTERM to make alone."""
    data = tmp_path / "a folder"
    for end in ("Ctrl-C", "SIGTERM"):
        with made(data) as running:
            told = running.told()
            assert told["data"] == str(data / "ledger.db")
            health = httpx.get(f"{told['page']}health", timeout=PATIENCE, trust_env=False).json()
            assert (health["status"], health["server"]["revision"]) == ("ok", 0)
            group = running.process.pid
            if end == "Ctrl-C":
                os.killpg(group, signal.SIGINT)
            else:
                os.kill(group, signal.SIGTERM)
            running.ended()
            until_nobody_is_left(group)
            assert "Traceback" not in "".join(running.complained)
            with pytest.raises(httpx.ConnectError):
                httpx.get(told["page"], trust_env=False)
    assert (data / "logs").is_dir()


def test_what_cannot_be_had_is_told(tmp_path: Path) -> None:
    """A port that is taken, of either: why is on stderr, and the other one does not stay."""
    with RunningServer(tmp_path / "ledger.db") as server, RunningPage(server.target) as page:
        for variables in ({"SERVER": server.target}, {"PAGE": page.host}):
            with made(tmp_path / "data", **variables) as running:
                assert running.ended() != 0
                until_nobody_is_left(running.process.pid)
                (port,) = (value.rpartition(":")[2] for value in variables.values())
                said = "".join(running.complained)
                assert port in said or "in use" in said
                assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_the_page_stops_at_a_signal(number: signal.Signals) -> None:
    """With or without a server it starts, says its address, and ends with 0 and without a complaint."""
    with RunningPage("127.0.0.1:1") as page:
        assert httpx.get(page.url, timeout=PATIENCE, trust_env=False).status_code == 200
        assert page.said == [f"Rollbook's page: {page.url}/ (server 127.0.0.1:1)"]
        assert page.stop(number) == 0
        assert page.complained == []


def test_settings_come_from_the_environment_too(server: RunningServer) -> None:
    """Each flag has its variable; a flag wins."""
    env = {"ROLLBOOK_WEB_LISTEN": "nonsense", "ROLLBOOK_WEB_NAME": "book.example"}
    with RunningPage(server.target, env=env) as page:
        answer = httpx.get(f"{page.url}/health", headers={"host": "book.example"}, timeout=PATIENCE, trust_env=False)
        assert answer.status_code == 200
    with (
        pytest.raises(StartFailed, match="no-such-file"),
        RunningPage(server.target, env={"ROLLBOOK_WEB_TOKEN_FILE": "no-such-file"}),
    ):
        pass


def test_the_command_explains_itself() -> None:
    """Its help fits into 80 columns and shows each default and variable; it says its version."""
    env = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERMINAL_WIDTH": "80"}
    said = ""
    for words in (["--help"], ["serve", "--help"]):
        said = subprocess.run(
            [sys.executable, "-m", "rollbook_web", *words], capture_output=True, text=True, env=env, check=True
        ).stdout
        assert [line for line in said.splitlines() if len(line) > 80] == []
    shown = " ".join(said.split())
    for word in ("127.0.0.1:8080", "127.0.0.1:50051", "--token-file", "ROLLBOOK_WEB_LISTEN", "ROLLBOOK_WEB_TARGET"):
        assert word in shown
    done = subprocess.run(
        [sys.executable, "-m", "rollbook_web", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == version("rollbook-web")
