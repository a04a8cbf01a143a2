"""One synchronous client and many threads, against a real server."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from rollbook import Action, Client, Unconfirmed
from tests.support.server import RunningServer
from tests.support.trading import execution, new_account, sold

THREADS = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("threads") / "ledger.db") as running:
        yield running


def test_threads_share_a_client(server: RunningServer) -> None:
    """What threads record through one client at the same time is recorded once each, and each hears of its own."""
    commands = [execution(Action.OPEN, sold("1", "0.02")) for _ in range(5 * THREADS)]
    with Client(server.target, account=new_account()) as client, ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(client.record_execution, commands))
        entries = list(client.iterate_entries(page_size=7))
    told = {answer.revision: command.request_id for command, answer in zip(commands, answers, strict=True)}
    assert len(told) == len(commands)
    recorded = [entry.execution.execution for entry in entries if entry.execution]
    assert [execution and execution.request_id for execution in recorded] == [told[number] for number in sorted(told)]


def test_threads_that_open_a_client_together_share_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread is left with a connection that nobody closes."""
    made: list[grpc.Channel] = []
    insecure_channel = grpc.insecure_channel
    together = threading.Barrier(THREADS)

    def counted(*args: Any) -> grpc.Channel:
        channel = insecure_channel(*args)
        os.sched_yield()  # the best moment for another thread to find no connection yet
        made.append(channel)
        return channel

    monkeypatch.setattr(grpc, "insecure_channel", counted)
    client = Client()

    def open_it(_: int) -> Client:
        together.wait(60)
        return client.open()

    with ThreadPoolExecutor(THREADS) as threads:
        assert list(threads.map(open_it, range(THREADS))) == [client] * THREADS
    client.close()
    assert len(made) == 1


def test_closing_ends_the_calls_of_all_threads(server: RunningServer) -> None:
    """Whatever a thread is at when another closes the client, it soon hears so in the ledger's words, not gRPC's."""
    client = Client(server.target).open()
    answered = threading.Barrier(THREADS + 1)

    def ask(_: int) -> Exception:
        client.get_server_status()
        answered.wait(60)
        try:
            while True:
                client.get_server_status()
        except Exception as error:
            return error

    with ThreadPoolExecutor(THREADS) as threads:
        ends = threads.map(ask, range(THREADS))
        answered.wait(60)
        client.close()
        for end in ends:
            assert type(end) is Unconfirmed or (type(end) is RuntimeError and "is not open" in str(end)), repr(end)


def test_a_call_may_find_its_connection_just_closed(server: RunningServer) -> None:
    """The other thread may be quicker, between a call's look for the connection and its first attempt."""
    with Client(server.target) as client:
        client._open_connection().channel.close()
        with pytest.raises(Unconfirmed, match="closed") as raised:
            client.get_server_status()
    assert raised.value.code is grpc.StatusCode.CANCELLED


def test_a_forgotten_client_is_noticed() -> None:
    """Who drops an open client without closing it is warned."""
    client = Client().open()
    with pytest.warns(ResourceWarning, match="never closed"):
        client.__del__()
    client.close()
