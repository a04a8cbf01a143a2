"""`rollbook data fetch` as people use it: in a pipe, on a terminal, broken off; and import's reasons."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rich", reason="the extra rollbook[cli] is not in this environment")

from tests.support.history_venue import HistoryVenue, Request, error
from tests.support.server import RunningServer
from tests.support.shell import Shell
from tests.support.terminal import Terminal

SPAN = ("--start", "2021-02-01", "--end", "2021-06-01")


@pytest.fixture(scope="module")
def venue() -> Iterator[HistoryVenue]:
    with HistoryVenue() as running:
        yield running


@pytest.fixture(scope="module")
def shell(venue: HistoryVenue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    flags = ("--deribit-url", venue.url, "--deribit-rate", "200")
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db", *flags) as running:
        yield Shell(running.target, tmp_path_factory.getbasetemp() / "pycache-lab")


def test_fetched_and_told(shell: Shell, venue: HistoryVenue) -> None:
    """Lines on stderr where there is no terminal, with why the venue is asked again; the dataset and its place on
    stdout; as JSON, too. What the venue refuses is one sentence."""
    venue.faults = [None, error(10028, 429)]
    done = shell("data", "fetch", "bars", *SPAN, "--name", "spring")
    assert "0 of 4 pages, 0 rows" in done.stderr
    assert "1 of 4 pages, 849 rows to 2021-02-08; asking again: HTTP status 429" in done.stderr
    assert "4 of 4 pages" in done.stderr
    assert done.stdout.startswith("Registered btc-bars-")
    assert "spring" in done.stdout
    assert "Left out 1 row: nobody traded in it." in done.stdout
    assert "lab.db.history/bars/BTC_USDC/3600s on the server's disk." in " ".join(done.stdout.split())
    assert shell.json("data", "fetch", "bars", *SPAN)["fetched"]["dataset"]["name"] == "spring"
    assert "There are 1,203 rows of delivery-prices, 2022-01-01 to" in shell("data", "fetch", "delivery-prices").stdout
    venue.faults = [error(13020)]
    failed = shell("data", "fetch", "dvol", "--start", "2021-02-01", code=1)
    assert "the venue refused: error 13020: said so" in failed.stderr


def test_a_bar_and_ctrl_c(shell: Shell, venue: HistoryVenue, tmp_path: Path) -> None:
    """On a terminal there is a bar; Ctrl-C says how to go on, and the same command then asks only for the rest."""
    held, release = threading.Event(), threading.Event()

    def hold(request: Request) -> None:
        held.set()
        release.wait(60)

    words = ("data", "fetch", "bars", *SPAN, "--series", "BTC-PERPETUAL")
    venue.faults = [None, None, hold]
    with Terminal(shell, *words) as terminal:
        terminal.writes("2/4")
        assert held.wait(60)
        terminal.process.send_signal(signal.SIGINT)
        terminal.writes("the same command goes on there")
        terminal.process.wait(30)
    release.set()
    venue.asked.clear()
    venue.faults.clear()
    assert "2 of 4 pages, 0 rows" in shell(*words).stderr
    assert len(venue.asked) == 2
