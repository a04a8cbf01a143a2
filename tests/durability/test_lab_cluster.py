"""The lab on a real Dask cluster: the bits of the processes, whatever of the cluster dies or is away."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rollbook.v1.backtest_pb2 import BACKTEST_STATE_FAILED, BACKTEST_STATE_RUNNING, BACKTEST_STATE_SUCCEEDED
from tests.support.cluster import RunningCluster
from tests.support.lab import ENDED, SLOW, LabCaller, call_spec, calling
from tests.support.server import RunningServer, StartFailed

DAYS = 1000
AXES = {"selection.max_delta": ("0.2", "0.25", "0.3", "0.45"), "exits.take_profit": ("0.3", "0.5", "0.7", "0.9")}


@dataclass(frozen=True)
class Made:
    """What a run and a sweep bring forth."""

    digests: tuple[str, str]
    rows: tuple[list[bytes], ...]
    curve: list[Any]
    metrics: Any
    points: list[bytes]
    heatmap: Any


async def _spec(lab: LabCaller) -> Any:
    return call_spec(await lab.bars(days=DAYS), max_open_chains=3)


async def _made(lab: LabCaller, backtest_id: str, sweep_id: str) -> Made:
    """Waits for both."""
    run = await lab.until(backtest_id)
    assert run.status.state == BACKTEST_STATE_SUCCEEDED, run.status.error
    sweep = await lab.swept(sweep_id)
    assert sweep.sweep.state == BACKTEST_STATE_SUCCEEDED, sweep.sweep.error
    return Made(
        digests=(run.run_digest, run.result_digest),
        rows=await lab.rows(backtest_id),
        curve=list(run.status.equity),
        metrics=run.status.metrics,
        points=[each.SerializeToString(deterministic=True) for each in await lab.points(sweep_id)],
        heatmap=sweep.heatmap,
    )


async def _both(target: str) -> Made:
    async with calling(target) as lab:
        spec = await _spec(lab)
        sweep, run = await lab.sweep(spec, AXES), await lab.create(spec)
        return await _made(lab, run.backtest_id, sweep.sweep_id)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Of a process of the server's own machine."""
    with RunningServer(tmp_path_factory.mktemp("local") / "ledger.db", *SLOW) as server:
        return asyncio.run(_both(server.target))


def _flags(address: str, workers: int = 2) -> tuple[str, ...]:
    return *SLOW, "--executor", "dask", "--dask-address", address, "--lab-workers", str(workers)


def _told(server: RunningServer, event: str) -> list[dict[str, Any]]:
    """What the log says of it."""
    return [json.loads(line) for line in list(server.lines) if f'"event": "{event}"' in line]


async def _tells(server: RunningServer, event: str, count: int = 1) -> list[dict[str, Any]]:
    """Waits until the log says it so often."""
    deadline = time.monotonic() + 60
    while len(told := _told(server, event)) < count:
        assert time.monotonic() < deadline, list(server.lines)
        await asyncio.sleep(0.02)
    return told


async def _further(lab: LabCaller, backtest_id: str, pct: float) -> bool:
    """Waits until a run has come so far; whether it is still under way."""
    run = await lab.seen(backtest_id, lambda seen: seen.status.progress_pct >= pct or seen.status.state in ENDED)
    return bool(run.status.state == BACKTEST_STATE_RUNNING)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    """Two workers, for tests that kill nobody."""
    with RunningCluster(tmp_path_factory.mktemp("dask")) as running:
        yield running


async def test_a_cluster_makes_what_processes_make(cluster: RunningCluster, local: Made, tmp_path: Path) -> None:
    """A run and a sweep on two workers of a cluster are, bit by bit, those of a process: rows, equity, figures,
    digests, points and ranks. Each worker is sent the data once, and no process of the server's own does any of it."""
    with RunningServer(tmp_path / "ledger.db", *_flags(cluster.address)) as server:
        assert await _both(server.target) == local
        async with calling(server.target) as lab:
            again = await lab.until((await lab.create(await _spec(lab))).backtest_id)
            assert (again.run_digest, again.result_digest) == local.digests
        sent = [each["worker"] for each in _told(server, "cluster_dataset_sent")]
        assert sorted(sent) == sorted(cluster.workers)
        assert not [each for each in _told(server, "worker_started") if each["work"] == "runs"]


async def _survive(local: Made, folder: Path, kills: int, seed: int) -> None:
    """Runs and sweeps at once, until so many workers at work were killed, each followed by another."""
    chance, hit = random.Random(seed), 0
    with (
        RunningCluster(folder / "dask") as cluster,
        RunningServer(folder / "ledger.db", *_flags(cluster.address)) as server,
    ):
        while hit < kills:
            async with calling(server.target) as lab:
                spec = await _spec(lab)
                sweep, run = await lab.sweep(spec, AXES), await lab.create(spec)
                pct = 0.0
                while await _further(lab, run.backtest_id, pct := pct + chance.uniform(5, 30)) and hit < kills:
                    at_work = [each["worker"] for each in await _tells(server, "cluster_worker_taken")]
                    cluster.kill_worker(chance.choice([each for each in at_work if each in cluster.workers]))
                    cluster.add(1)
                    hit += 1
                assert await _made(lab, run.backtest_id, sweep.sweep_id) == local
        assert not _told(server, "cluster_lost")


async def test_killed_workers_of_a_cluster_change_nothing(local: Made, tmp_path: Path) -> None:
    """A worker of the cluster that is killed in the middle of a run costs its part: others go on with it, with an
    identical result."""
    await _survive(local, tmp_path, kills=2, seed=1)


@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_twenty_killed_workers_of_a_cluster_change_nothing(local: Made, tmp_path: Path) -> None:
    """Twenty kills keep the promise of two."""
    await _survive(local, tmp_path, kills=20, seed=2)


def _unused() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


async def test_a_cluster_that_is_away_is_waited_for(local: Made, tmp_path: Path) -> None:
    """The server serves without its cluster, and says that it is away. What is queued waits for the scheduler and for a
    worker. Where all of the cluster is killed in the middle, the run stays as it is and goes on when it is back, with
    an identical result."""
    cluster = RunningCluster(tmp_path / "dask", workers=0)
    cluster.address = f"tcp://127.0.0.1:{_unused()}"
    with RunningServer(tmp_path / "ledger.db", *_flags(cluster.address)) as server:
        away = await _tells(server, "cluster_away")
        assert away[0]["dask_address"] == cluster.address
        async with calling(server.target) as lab:
            spec = await _spec(lab)
            run = await lab.create(spec)
            with cluster:
                await _tells(server, "cluster_without_workers")
                cluster.add(2)
                assert await _further(lab, run.backtest_id, 10)
                cluster.kill()
                await _tells(server, "cluster_lost")
                await _tells(server, "cluster_away", 2)
                waiting = await lab.get(run.backtest_id)
                assert waiting.status.state == BACKTEST_STATE_RUNNING
                sweep = await lab.sweep(spec, AXES)
                cluster.start()
                cluster.add(2)
                assert await _made(lab, run.backtest_id, sweep.sweep_id) == local
                cluster.kill()
                await _tells(server, "cluster_lost", 2)
                assert server.stop() == 0


async def test_a_worker_that_does_not_fit_is_refused(local: Made, tmp_path: Path) -> None:
    """A worker that has another engine gets nothing to do, and the log says what differs; so with one that has no
    Rollbook at all, and one that cannot keep data. All of them live on; with one that fits, the run goes on."""
    other = "import rollbook_server.domain.backtest.version as it; it.ENGINE_VERSION = 'of yesterday'"
    lost = "import importlib.metadata as it; it.version = lambda name: it.distribution('no ' + name)"
    full = "def dask_setup(worker): open(worker.local_directory + '/rollbook', 'w').close()"
    with (
        RunningCluster(tmp_path / "dask", workers=0) as cluster,
        RunningServer(tmp_path / "ledger.db", *_flags(cluster.address, workers=1)) as server,
    ):
        for unfit in (other, lost, full):
            cluster.add(1, "--preload", unfit)
        workers = list(cluster.workers)
        async with calling(server.target) as lab:
            run = await lab.create(await _spec(lab))
            refused = {each["worker"]: each["reason"] for each in await _tells(server, "cluster_worker_refused", 3)}
            assert list(refused) == sorted(workers)
            reasons = [refused[each] for each in workers]
            assert reasons[0] == "engine of yesterday"
            assert "rollbook-server cannot be asked for: PackageNotFoundError" in reasons[1]
            assert "it takes no data: FileExistsError" in reasons[2]
            assert (await lab.get(run.backtest_id)).status.state == BACKTEST_STATE_RUNNING
            await _tells(server, "cluster_without_workers")
            cluster.add(1)
            assert (await lab.until(run.backtest_id)).result_digest == local.digests[1]


async def test_damaged_data_is_not_sent(cluster: RunningCluster, tmp_path: Path) -> None:
    """A run whose data is damaged or gone on the server fails with that, and leaves nothing at the worker: once the
    data is whole again, the run succeeds."""
    with RunningServer(tmp_path / "ledger.db", *_flags(cluster.address, workers=1)) as server:
        async with calling(server.target) as lab:
            spec = call_spec(await lab.bars(days=30))
            (file,) = (tmp_path / "lab.db.datasets").iterdir()
            whole = file.read_bytes()

            async def outcome() -> Any:
                return (await lab.until((await lab.create(spec)).backtest_id)).status

            spoil: list[tuple[Callable[[], Any], str]] = [
                (lambda: file.write_bytes(whole[:-100] + bytes(100)), str(file)),
                (file.unlink, "No such file"),
            ]
            for spoiled, said in spoil:
                spoiled()
                failed = await outcome()
                assert failed.state == BACKTEST_STATE_FAILED
                assert "cannot be read" in failed.error
                assert said in failed.error
            file.write_bytes(whole)
            assert (await outcome()).state == BACKTEST_STATE_SUCCEEDED


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--executor", "ray"), "executor: Input should be 'local' or 'dask'"),
        (("--executor", "dask"), "executor dask needs --dask-address tcp://HOST:PORT"),
        (("--dask-address", "tcp://127.0.0.1:8786"), "dask_address is given, but executor is local"),
        *(
            (("--executor", "dask", "--dask-address", address), "dask_address: must be tcp://HOST:PORT")
            for address in ("127.0.0.1:8786", "tcp://127.0.0.1", "tls://127.0.0.1:8786", "tcp://:1", "tcp://a:0")
        ),
    ],
)
def test_settings_that_make_no_sense(flags: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    """The server does not start, and says what is wrong with the setting."""
    with pytest.raises(StartFailed, match=sentence), RunningServer(tmp_path / "ledger.db", *flags):
        pass


def test_without_the_extra(tmp_path: Path) -> None:
    """Where Dask is not installed the server does not start, and says how to get it."""
    hide = tmp_path / "hide"
    hide.mkdir()
    (hide / "sitecustomize.py").write_text(
        "import importlib.util as it\nfound = it.find_spec\n"
        "it.find_spec = lambda name, *more: None if name == 'distributed' else found(name, *more)\n"
    )
    flags = ("--executor", "dask", "--dask-address", "tcp://127.0.0.1:8786")
    with (
        pytest.raises(StartFailed, match=r"rollbook-server\[lab,dask\]"),
        RunningServer(tmp_path / "ledger.db", *flags, env={"PYTHONPATH": str(hide)}),
    ):
        pass
