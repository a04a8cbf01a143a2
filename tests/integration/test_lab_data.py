"""The lab's data over gRPC: registered once by content, listed, its gaps, what is refused; and the lab's own file."""

from __future__ import annotations

import asyncio
import gzip
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from rollbook import Action
from rollbook.v1 import backtest_pb2
from rollbook.v1 import backtest_service_pb2 as pb
from rollbook.v1 import dataset_service_pb2 as data_pb
from rollbook.v1.dataset_pb2 import (
    DATASET_KIND_BARS,
    DATASET_KIND_OPTION_CHAINS,
    DATASET_KIND_VOLATILITY,
    SyntheticMarket,
)
from tests.support.lab import START, LabCaller, call_spec, calling, reason_of, stamp
from tests.support.server import PYTHON, RunningServer
from tests.support.trading import execution, sold, trading

HOUR = 3600


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db") as running:
        yield running


@pytest.fixture
async def lab(server: RunningServer) -> AsyncIterator[LabCaller]:
    async with calling(server.target) as caller:
        yield caller


async def register(lab: LabCaller, **request: Any) -> Any:
    return (await lab.datasets.RegisterDataset(data_pb.RegisterDatasetRequest(**request))).dataset


def write_bars(path: Path, hours: Any, price: float = 50_000.0) -> Path:
    """Hourly bars from 2021 on, for each hour that is named."""
    first = int(START.timestamp())
    lines = [f"{first + hour * HOUR},{price},{price + 100},{price - 100},{price + 10}" for hour in hours]
    path.write_text("\n".join(["time,open,high,low,close", *lines]) + "\n")
    return path


async def test_a_file_is_registered_once(lab: LabCaller, tmp_path: Path) -> None:
    """Bars in a file are one dataset, known by their content, however often, compressed or not, and under whatever name
    they come; the first name stays."""
    file = write_bars(tmp_path / "bars.csv", range(100))
    first = await register(lab, kind=DATASET_KIND_BARS, underlying="BTC", path=str(file))
    assert (first.name, first.source, first.rows, first.interval_seconds) == ("bars.csv", "bars.csv", 100, HOUR)
    assert (first.first_time, first.gaps, first.synthetic) == (stamp(START), 0, False)
    copy = write_bars(tmp_path / "copy.csv", range(100))
    assert await register(lab, kind=DATASET_KIND_BARS, underlying="BTC", path=str(copy), name="again") == first
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert await register(lab, kind=DATASET_KIND_BARS, underlying="BTC", path=str(packed)) == first
    other = write_bars(tmp_path / "other.csv", range(101))
    second = await register(lab, kind=DATASET_KIND_BARS, underlying="BTC", path=str(other), name="other")
    assert second.dataset_id != first.dataset_id
    assert second.name == "other"
    found = await lab.datasets.GetDataset(data_pb.GetDatasetRequest(dataset_id=first.dataset_id))
    assert found.dataset == first


async def test_gaps_are_told(lab: LabCaller, tmp_path: Path) -> None:
    """Where bars are missing is told, page by page, oldest first."""
    hours = [hour for hour in range(200) if hour not in {10, 50, 51, 120}]
    dataset = await register(
        lab, kind=DATASET_KIND_BARS, underlying="BTC", path=str(write_bars(tmp_path / "gaps.csv", hours, 60_000.0))
    )
    assert (dataset.rows, dataset.gaps) == (196, 3)
    gaps: list[Any] = []
    request = data_pb.ListDatasetGapsRequest(dataset_id=dataset.dataset_id, page_size=2)
    while True:
        answer = await lab.datasets.ListDatasetGaps(request)
        gaps += answer.gaps
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    first = int(START.timestamp())
    assert [(gap.start_time.seconds - first, gap.end_time.seconds - first, gap.missing_rows) for gap in gaps] == [
        (10 * HOUR, 11 * HOUR, 1),
        (50 * HOUR, 52 * HOUR, 2),
        (120 * HOUR, 121 * HOUR, 1),
    ]


async def test_a_synthetic_market(lab: LabCaller) -> None:
    """A made-up market has bars and a volatility index, the same for the same seed, and a run takes both."""
    market = SyntheticMarket(seed=5, start_time=stamp(START), days=90)
    bars = await register(lab, kind=DATASET_KIND_BARS, underlying="ETH", synthetic=market)
    index = await register(lab, kind=DATASET_KIND_VOLATILITY, underlying="ETH", synthetic=market)
    assert (bars.synthetic, bars.rows, bars.source) == (True, 90 * 24, "synthetic")
    assert await register(lab, kind=DATASET_KIND_BARS, underlying="ETH", synthetic=market) == bars
    data = backtest_pb2.DataSpec(spot_dataset_id=bars.dataset_id, volatility_dataset_id=index.dataset_id)
    run = await lab.until((await lab.create(call_spec("", underlying="ETH", data=data))).backtest_id)
    assert run.status.state == backtest_pb2.BACKTEST_STATE_SUCCEEDED, run.status.error
    assert run.spec.volatility.source == backtest_pb2.VOLATILITY_SOURCE_INDEX
    assert run.status.metrics.data.synthetic_bars_pct == 100.0
    listed = await lab.datasets.ListDatasets(data_pb.ListDatasetsRequest(underlying="ETH"))
    assert [each.dataset_id for each in listed.datasets] == [index.dataset_id, bars.dataset_id]
    listed = await lab.datasets.ListDatasets(
        data_pb.ListDatasetsRequest(underlying="ETH", kind=DATASET_KIND_VOLATILITY)
    )
    assert [each.dataset_id for each in listed.datasets] == [index.dataset_id]
    swapped = backtest_pb2.DataSpec(spot_dataset_id=index.dataset_id)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await lab.create(call_spec("", underlying="ETH", data=swapped))
    assert reason_of(error.value)[1:] == ("OUT_OF_BOUNDS", "spec.data.spot_dataset_id")


async def test_what_cannot_be_registered(lab: LabCaller, tmp_path: Path) -> None:
    """What is no data is refused with the reason, and the field or column."""
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "wrong.csv").write_text("time,open,high,low,close\n1609459200,x,1,1,1\n")
    market = SyntheticMarket(seed=1, start_time=stamp(START), days=10)
    bars: dict[str, Any] = {"kind": DATASET_KIND_BARS, "underlying": "BTC"}
    for request, expected in (
        ({**bars, "kind": 0, "synthetic": market}, ("INVALID_ARGUMENT", "UNSPECIFIED_VALUE", "kind")),
        ({**bars, "kind": 9, "synthetic": market}, ("INVALID_ARGUMENT", "UNKNOWN_VALUE", "kind")),
        ({**bars, "underlying": "", "synthetic": market}, ("INVALID_ARGUMENT", "MISSING_FIELD", "underlying")),
        ({**bars, "underlying": "btc", "synthetic": market}, ("INVALID_ARGUMENT", "MALFORMED_TEXT", "underlying")),
        (bars, ("INVALID_ARGUMENT", "MISSING_FIELD", "path")),
        ({**bars, "path": "x.csv", "synthetic": market}, ("INVALID_ARGUMENT", "CONTRADICTION", "path")),
        ({**bars, "path": str(tmp_path / "none.csv")}, ("NOT_FOUND", "FILE_NOT_FOUND", "path")),
        ({**bars, "path": str(tmp_path / "empty.csv")}, ("INVALID_ARGUMENT", "MALFORMED_DATA", "path")),
        ({**bars, "path": str(tmp_path / "wrong.csv")}, ("INVALID_ARGUMENT", "MALFORMED_DATA", "path")),
        (
            {**bars, "synthetic": SyntheticMarket(days=10)},
            ("INVALID_ARGUMENT", "MISSING_FIELD", "synthetic.start_time"),
        ),
        (
            {**bars, "synthetic": SyntheticMarket(start_time=stamp(START), days=0)},
            ("INVALID_ARGUMENT", "OUT_OF_BOUNDS", "synthetic.days"),
        ),
        (
            {**bars, "synthetic": SyntheticMarket(start_time=Timestamp(seconds=2**40), days=10)},
            ("INVALID_ARGUMENT", "OUT_OF_BOUNDS", "synthetic.start_time"),
        ),
        (
            {**bars, "kind": DATASET_KIND_OPTION_CHAINS, "synthetic": market},
            ("INVALID_ARGUMENT", "CONTRADICTION", "kind"),
        ),
        (
            {**bars, "synthetic": market, "known_after_seconds": 1},
            ("INVALID_ARGUMENT", "CONTRADICTION", "known_after_seconds"),
        ),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await register(lab, **request)
        assert reason_of(error.value) == expected, request
    for method in ("GetDataset", "ListDatasetGaps"):
        for dataset_id, expected in (
            ("", ("INVALID_ARGUMENT", "MISSING_FIELD", "dataset_id")),
            ("x", ("NOT_FOUND", "DATASET_NOT_FOUND", "dataset_id")),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await getattr(lab.datasets, method)(getattr(data_pb, f"{method}Request")(dataset_id=dataset_id))
            assert reason_of(error.value) == expected


async def test_fills_do_not_wait_for_data(server: RunningServer, lab: LabCaller, tmp_path: Path) -> None:
    """While a million rows are read, and a run runs, executions are recorded as promptly as ever: data and runs have a
    file, threads and processes of their own."""
    file = write_bars(tmp_path / "many.csv", range(600_000), 70_000.0)
    async with trading(server.target) as trader:
        await trader.record(execution(Action.OPEN, sold("1", "0.02"), account=trader.account))
        reading = asyncio.create_task(register(lab, kind=DATASET_KIND_BARS, underlying="BTC", path=str(file)))
        times = []
        while not reading.done():
            started = time.perf_counter()
            await trader.record(execution(Action.OPEN, sold("1", "0.02"), account=trader.account))
            times.append(time.perf_counter() - started)
        assert (await reading).rows == 600_000
    assert len(times) > 10
    # A generous bound: the machine may be busy with other tests. A writer that waits for the data would take seconds.
    assert sorted(times)[len(times) // 2] < 0.25


# -- the lab's file -------------------------------------------------------------------------------------------------


async def test_a_ledger_alone_makes_no_lab(tmp_path: Path) -> None:
    """A server whose lab nobody uses makes no file for it, and loads nothing of what it needs."""
    with RunningServer(tmp_path / "ledger.db") as server:
        async with trading(server.target) as trader:
            await trader.open(sold("1", "0.02"))
        maps = _mapped(server.pid)
    assert not [library for library in ("numpy", "numba", "polars", "pandas") if f"/{library}/" in maps]
    assert not (tmp_path / "lab.db").exists()


def _mapped(pid: int) -> str:
    """The files that a process has loaded."""
    return Path(f"/proc/{pid}/maps").read_text()


async def test_a_server_without_the_extra(tmp_path: Path) -> None:
    """Where the lab's libraries are not installed its calls answer FAILED_PRECONDITION and name what to install; the
    ledger serves."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('numpy', 'numba', 'polars', 'pandas'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    with RunningServer(tmp_path / "ledger.db", env={"PYTHONPATH": str(hidden)}) as server:
        async with calling(server.target) as lab:
            for call in (
                lab.backtests.ListBacktests(pb.ListBacktestsRequest()),
                lab.datasets.ListDatasets(data_pb.ListDatasetsRequest()),
                lab.backtests.WatchBacktests(pb.WatchBacktestsRequest()),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await (call.read() if isinstance(call, grpc.aio.UnaryStreamCall) else call)
                assert reason_of(error.value)[:2] == ("FAILED_PRECONDITION", "LAB_UNAVAILABLE")
                assert 'pip install "rollbook-server[lab]"' in (error.value.details() or "")
        async with trading(server.target) as trader:
            await trader.open(sold("1", "0.02"))


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (id INTEGER)")


def _ledger(path: Path) -> None:
    with RunningServer(path):
        pass


def _damaged(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def _newer(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from rollbook_server.storage.database import open_database;"
        "from rollbook_server.storage.lab_schemas import LAB;"
        "d = open_database(Path(sys.argv[1]), LAB);"
        'd.db.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"'
        " \" VALUES ('lab', 'm9999_of_tomorrow', 'x')\"); d.db.close()"
    )
    subprocess.run([PYTHON, "-c", code, str(path)], check=True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_foreign, "is no lab but another program's database"),
        (_ledger, "is no lab but another program's database"),
        (_damaged, "is damaged or no database"),
        (_newer, "newer rollbook-server (m9999_of_tomorrow): upgrade"),
    ],
)
async def test_a_file_that_is_no_lab_of_ours(make: Any, said: str, tmp_path: Path) -> None:
    """A lab's file that is another program's, a ledger, damaged or of a newer Rollbook is left unchanged: the lab's
    calls say why, and the ledger serves all the same."""
    path = tmp_path / "other" / "lab.db"
    path.parent.mkdir()
    make(path)
    before = path.read_bytes()
    with RunningServer(tmp_path / "ledger.db", "--lab-db", str(path)) as server:
        async with calling(server.target) as lab:
            for _ in range(2):
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await lab.backtests.ListBacktests(pb.ListBacktestsRequest())
                assert reason_of(error.value)[:2] == ("FAILED_PRECONDITION", "LAB_UNAVAILABLE")
                assert said in (error.value.details() or "")
        async with trading(server.target) as trader:
            await trader.open(sold("1", "0.02"))
    assert path.read_bytes() == before


async def test_two_servers_do_not_share_a_lab(tmp_path: Path) -> None:
    """A lab belongs to one server; another one's calls say so, and work as soon as the file is free."""
    with (
        RunningServer(tmp_path / "a" / "ledger.db", "--lab-db", str(tmp_path / "lab.db")) as first,
        RunningServer(tmp_path / "b" / "ledger.db", "--lab-db", str(tmp_path / "lab.db")) as second,
    ):
        async with calling(first.target) as ours, calling(second.target) as theirs:
            await ours.backtests.ListBacktests(pb.ListBacktestsRequest())
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await theirs.backtests.ListBacktests(pb.ListBacktestsRequest())
            assert "is in use by another rollbook-server" in (error.value.details() or "")
            first.stop()
            await theirs.backtests.ListBacktests(pb.ListBacktestsRequest())
