"""The workers of a Dask cluster, in the place of processes of our own. Nothing else of the server knows Dask.

Each of our workers has a worker of the cluster for its home, so that what is prepared there serves its next part, too,
and the end of one harms one. A scheduler that is away, or a cluster without workers, makes whoever wants something done
wait: it is said in the log, and what is done then begins at the last checkpoint. Only a worker that dies at its work
counts as one.

Dask would send a task again whose worker died, and say that it cancelled one that still runs. Neither matters here: a
task is bound to its home, and what comes back is taken only by who waits for it.
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from rollbook_server.cluster_tasks import LIBRARIES, Answer, call, installed, receive, source
from rollbook_server.processes import WorkerDied
from rollbook_server.storage.dataset_files import DatasetFolder
from rollbook_server.worker import RunFailed

if TYPE_CHECKING:
    from distributed import Client

P = ParamSpec("P")
T = TypeVar("T")

_LOOK = 1.0
"""Seconds between two looks for a scheduler, a worker, or whether one is still there."""
_AGAIN = 60.0
"""Seconds after which it is said again that somebody waits, and a worker that was unfit is tried again."""
_TIMEOUT = 10.0
"""Seconds that a scheduler has for an answer."""
PIECE = 16 * 2**20
"""Bytes of a dataset that are sent at a time: no message keeps the scheduler from the others for long."""


class Log(Protocol):
    """Where it is said what happens."""

    def info(self, event: str, **fields: object) -> None: ...
    def warning(self, event: str, **fields: object) -> None: ...


class _Away(Exception):
    """The scheduler does not answer, or does not know us any more."""


class _Unfit(Exception):
    """A worker of the cluster is of no use to us; the message says why."""


class Cluster:
    """The connection to a scheduler, and who has which of its workers. It connects out, and listens nowhere."""

    def __init__(self, log: Log, address: str) -> None:
        self._log, self._address = log, address
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._homes: dict[ClusterWorker, str] = {}
        self._fit: set[str] = set()
        self._unfit: dict[str, float] = {}
        """With the time when that was found."""

    def start(self) -> None:
        """From now on it is said when the scheduler is there and when it is not, whether somebody needs it or not."""
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            client = await self.client()
            while self._client is client and client.status == "running":  # noqa: ASYNC110 - Dask has no event for it
                await asyncio.sleep(_LOOK)
            await self.lost(client, _Away("the connection broke"))

    async def close(self) -> None:
        """Leaves the cluster; what its workers still do is nobody's."""
        if self._watching is not None:
            self._watching.cancel()
        client, self._client = self._client, None
        await _leave(client)

    async def client(self) -> "Client":
        """The connection; waits until there is one."""
        async with self._connecting:
            said = -_AGAIN
            while self._client is None:
                try:
                    self._client = await self._connect()
                except Exception as error:  # of the network, or of another Dask at the other end
                    if time.monotonic() - said >= _AGAIN:
                        said = time.monotonic()
                        self._log.warning("cluster_away", dask_address=self._address, error=str(error) or repr(error))
                    await asyncio.sleep(_LOOK)
            return self._client

    async def _connect(self) -> "Client":
        # First without Dask: its client cannot be interrupted while it waits for a scheduler that is away.
        host, _, port = self._address.removeprefix("tcp://").rpartition(":")
        async with asyncio.timeout(_TIMEOUT):
            _, knock = await asyncio.open_connection(host.strip("[]"), int(port))
        knock.close()
        client = await asyncio.to_thread(_new_client, self._address)
        try:
            there = await self.workers(client)
        except BaseException:
            await _leave(client)
            raise
        for known in (self._homes, self._fit, self._unfit):
            known.clear()
        self._log.info("cluster_joined", dask_address=self._address, workers=len(there))
        return client

    async def lost(self, client: "Client", error: Exception) -> None:
        """Gives a connection up; the next who needs one makes another."""
        if self._client is client:
            self._client = None
            self._log.warning("cluster_lost", dask_address=self._address, error=str(error))
            await _leave(client)

    async def workers(self, client: "Client") -> set[str]:
        """The addresses of the workers that are there. Raises _Away."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                return set(await asyncio.to_thread(client.nthreads))
        except Exception as error:
            raise _Away(str(error) or repr(error)) from error

    async def home(self, client: "Client", worker: "ClusterWorker") -> str:
        """The worker of the cluster for one of ours: the same as before while no other of ours has it, else one that
        few have. Waits until there is one. Raises _Away."""
        said = -_AGAIN
        while True:
            mine = self._homes.get(worker, "")
            if mine and not self._others(worker)[mine]:
                return mine
            there, now = await self.workers(client), time.monotonic()
            fit = [each for each in there if self._unfit.get(each, -_AGAIN) + _AGAIN <= now]
            if fit:
                had = self._others(worker)
                home = min(fit, key=lambda each: (had[each], each != mine, each))
                if home != mine:
                    self._log.info("cluster_worker_taken", worker=home)
                self._homes[worker] = home  # before it is asked: so no other of ours asks it, too
                if await self._is_fit(client, worker):
                    return home
                continue
            if now - said >= _AGAIN:
                said = now
                self._log.warning("cluster_without_workers", dask_address=self._address)
            await asyncio.sleep(_LOOK)

    def _others(self, worker: "ClusterWorker") -> Counter[str]:
        """How many have which home, besides one of ours."""
        return Counter(home for each, home in self._homes.items() if each is not worker)

    async def _is_fit(self, client: "Client", worker: "ClusterWorker") -> bool:
        """Whether the home of one of ours has our libraries. It is asked by functions of Python itself: one that it
        cannot load would end it."""
        home = self._homes[worker]
        if home in self._fit:
            return True
        for name in LIBRARIES:
            try:
                async with asyncio.timeout(_TIMEOUT):
                    has = (await asyncio.to_thread(client.run, version, name, workers=[home]))[home]
            except Exception as error:
                await self.workers(client)  # where it is the scheduler that does not answer, it is no fault of his
                has = f"cannot be asked for: {type(error).__name__}: {error}"
            if has != installed()[name]:
                self.refuse(worker, f"{name} {has}")
                return False
        self._fit.add(home)
        return True

    def leave(self, worker: "ClusterWorker") -> None:
        """One of ours needs another home, or none."""
        self._fit.discard(self._homes.pop(worker, ""))

    def refuse(self, worker: "ClusterWorker", reason: str) -> None:
        """The home of one of ours is of no use."""
        home = self._homes.pop(worker, "")
        self._unfit[home] = time.monotonic()
        self._log.warning("cluster_worker_refused", worker=home, reason=reason)

    def sent(self, home: str, dataset: str) -> None:
        """Says so."""
        self._log.info("cluster_dataset_sent", worker=home, content_hash=dataset)


class ClusterWorker:
    """A worker of a cluster, as `processes.WorkerProcess` is one of this machine. One call at a time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def run(self, function: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """What a function of `worker` returns; waits for scheduler and worker as long as it takes. Raises WorkerDied,
        RunFailed."""
        while True:
            client = await self._cluster.client()
            try:
                home = await self._cluster.home(client, self)
                answer = await self._ask(client, home, function, args, more)
                if not answer.lacking:
                    outcome: T = answer.outcome
                    return outcome
                for name in answer.lacking:
                    await self._send(client, home, name, args)
            except WorkerDied:
                self._cluster.leave(self)
                raise
            except _Unfit as error:
                self._cluster.refuse(self, str(error))
            except _Away as error:
                await self._cluster.lost(client, error)

    async def close(self) -> None:
        """Leaves its home to others."""
        self._cluster.leave(self)

    async def _ask(
        self, client: "Client", home: str, function: Callable[..., Any], args: Sequence[Any], more: Any
    ) -> Answer:
        """Calls a function there. Raises WorkerDied, RunFailed, _Unfit, _Away."""
        from distributed.scheduler import KilledWorker

        executor = client.get_executor(workers=[home], pure=False)  # type: ignore[no-untyped-call]
        try:
            # On a thread: what goes along is encoded here, and may be large.
            future = await asyncio.to_thread(executor.submit, call, installed(), function, args, more)
        except Exception as error:
            raise _Away(str(error)) from error
        answer: asyncio.Future[Answer] = asyncio.wrap_future(future)
        while not answer.done():
            await asyncio.wait({answer}, timeout=_LOOK)
            if not answer.done() and home not in await self._cluster.workers(client):
                await asyncio.to_thread(future.cancel)  # else it would wait for that address for ever
                raise WorkerDied(f"the worker {home} is gone")
        if answer.cancelled():  # by Dask, which forgets its tasks with its scheduler
            raise _Away("the scheduler is gone")
        try:
            found = answer.result()
        except RunFailed:
            raise
        except KilledWorker as error:
            raise WorkerDied(f"the worker {home} died") from error
        except Exception as error:  # ours all become RunFailed: this one could not even call them
            raise _Unfit(f"{type(error).__name__}: {error}") from error
        if found.unfit:
            raise _Unfit(found.unfit)
        return found

    async def _send(self, client: "Client", home: str, name: str, args: Sequence[Any]) -> None:
        """Brings a dataset there, piece by piece. Raises RunFailed where it is damaged here, WorkerDied,
        _Unfit, _Away."""
        folder = next(found for each in args if (found := source(each)) is not None)
        file, sender, place, said = DatasetFolder(folder).file(name), str(uuid.uuid4()), 0, ""
        try:
            with await asyncio.to_thread(file.open, "rb") as content:
                last = False
                while not last:
                    piece = await asyncio.to_thread(content.read, PIECE)
                    last = len(piece) < PIECE
                    said = await self._bring(client, home, name, sender, place, piece, last)
                    place += len(piece)
        except OSError as error:
            raise RunFailed(f"the file of dataset {name} cannot be read: {error}") from error
        if said:
            raise RunFailed(f"{said}, as sent from {file}")
        self._cluster.sent(home, name)

    async def _bring(self, client: "Client", home: str, *piece: Any) -> str:
        try:
            said: dict[str, str] = await asyncio.to_thread(client.run, receive, *piece, workers=[home])
            return said[home]
        except Exception as error:
            if home not in await self._cluster.workers(client):
                raise WorkerDied(f"the worker {home} is gone") from error
            raise _Unfit(f"it takes no data: {type(error).__name__}: {error}") from error  # its disk may be full


def _new_client(address: str) -> "Client":
    import dask
    from distributed import Client

    # The rows of a long run are large, and go along to be measured: Dask would call that a mistake.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"})
    return Client(  # type: ignore[no-untyped-call]
        address, timeout=_TIMEOUT, set_as_default=False, name="rollbook-server"
    )


async def _leave(client: "Client | None") -> None:
    if client is not None:
        with suppress(Exception):  # what is gone needs no farewell
            await asyncio.to_thread(client.close, _TIMEOUT)
