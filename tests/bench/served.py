"""The real server in a process of its own, with a call beside it that does nothing: same message, same interceptors.

Says a JSON line when it serves, one at each SIGUSR1, and another one at its end. With --profile it writes where the
time went, on the event loop and on the writer's thread.
"""

import argparse
import asyncio
import cProfile
import io
import json
import os
import pstats
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import grpc

from rollbook.v1 import ledger_service_pb2 as pb
from rollbook_server.domain.backtest.history import Venue
from rollbook_server.domain.clock import WallClock
from rollbook_server.lab_door import LabDoor, Log
from rollbook_server.ledger import Ledger
from rollbook_server.logs import open_log
from rollbook_server.rpc.server import Server

METHODS = {
    "no-op": "/rollbook.bench.NoOp/RecordExecution",
    "real": "/rollbook.v1.LedgerService/RecordExecution",
    "batch": "/rollbook.v1.LedgerService/RecordExecutions",
}


async def _nothing(request: pb.RecordExecutionRequest, context: Any) -> pb.RecordExecutionResponse:
    return pb.RecordExecutionResponse()


def _no_op() -> Any:
    service, method = METHODS["no-op"].strip("/").split("/")
    handler = grpc.unary_unary_rpc_method_handler(
        _nothing,
        request_deserializer=pb.RecordExecutionRequest.FromString,
        response_serializer=pb.RecordExecutionResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(service, {method: handler})


def _seconds(thread: threading.Thread) -> float:
    """Processor time that a thread has used."""
    assert thread.ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


def _top(profile: cProfile.Profile, name: str) -> str:
    out = io.StringIO(f"== {name}\n")
    out.seek(0, io.SEEK_END)
    stats = pstats.Stats(profile, stream=out)
    stats.sort_stats("tottime").print_stats(45)
    stats.sort_stats("cumulative").print_stats(45)
    return out.getvalue()


async def _serve(db: Path, profiled: bool) -> str:
    """Serves, and returns the profiles."""
    with open_log(db.parent / "logs") as log:
        return await _serve_with(log, db, profiled)


async def _serve_with(log: Log, db: Path, profiled: bool) -> str:
    began = time.perf_counter()
    ledger = Ledger(db, WallClock(), log)
    lab_door = LabDoor(
        db.with_name("lab.db"),
        WallClock(),
        log,
        workers=1,
        memory_mib=2048,
        part_seconds=0.25,
        training_folder=None,
        dask_address=None,
        venue=Venue("http://127.0.0.1:9", 1, 1),
        history_folder=None,
    )
    server = Server(ledger, lab_door, "127.0.0.1:0", log, WallClock().now())
    server._server.add_generic_rpc_handlers((_no_op(),))
    await server.start()
    ready = time.perf_counter() - began
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: print(json.dumps(_used(ledger)), flush=True))
    of_loop, of_writer = cProfile.Profile(), cProfile.Profile()
    if profiled:
        await ledger._submit(of_writer.enable, None)
        of_loop.enable()
    said = {"target": f"127.0.0.1:{server.port}", "ready": ready, "rss": _resident(), "ledger_id": ledger.ledger_id}
    print(json.dumps(said), flush=True)
    await stopping.wait()
    if profiled:
        of_loop.disable()
        await ledger._submit(of_writer.disable, None)
    last = _used(ledger)
    await server.stop(1)
    await lab_door.close()
    ledger.close()
    print(json.dumps(last), flush=True)
    return _top(of_loop, "event loop") + _top(of_writer, "writer") if profiled else ""


def _used(ledger: Ledger) -> dict[str, float]:
    """How far the ledger has come; processor seconds so far, of all threads and of two; memory in bytes."""
    writer = next(thread for thread in threading.enumerate() if thread.name == "ledger-writer")
    return {
        "revision": ledger.revision,
        "all": time.process_time(),
        "loop": _seconds(threading.main_thread()),
        "writer": _seconds(writer),
        "rss": _resident(),
        "rss now": _resident_now(),
    }


def _resident() -> int:
    """Bytes in memory at most so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _resident_now() -> int:
    """Bytes in memory; where the system does not say, at most so far."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * resource.getpagesize() if pages.exists() else _resident()


def main() -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("db", type=Path)
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    with Path(os.devnull).open("w") as nowhere:  # the log goes to its file; the screen is the bench's
        sys.stderr = nowhere
        profiles = asyncio.run(_serve(given.db, given.profile is not None))
    if given.profile is not None:
        given.profile.write_text(profiles)


if __name__ == "__main__":
    main()
