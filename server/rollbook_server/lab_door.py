"""The way into the lab: it is opened when somebody comes, or at the start if something in it may have to go on.

What the lab needs is an extra of the installation, and its file is replaceable: where one of them is missing or cannot
be used, the ledger serves all the same, and the lab's calls say why they do not.
"""

import asyncio
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rollbook_server.domain.backtest.history import Venue
from rollbook_server.domain.clock import Clock
from rollbook_server.domain.errors import FailedPrecondition, Reason
from rollbook_server.storage.database import Database, DatabaseUnusable

if TYPE_CHECKING:
    from rollbook_server.cluster import Cluster
    from rollbook_server.lab import Lab
    from rollbook_server.runner import Runner, Worker

LIBRARIES = ("numpy", "numba", "polars")
"""What the extra `lab` installs."""


class Log(Protocol):
    """Where it is said what happens."""

    def info(self, event: str, **fields: object) -> None: ...
    def warning(self, event: str, **fields: object) -> None: ...
    def error(self, event: str, **fields: object) -> None: ...


class LabDoor:
    """Opens one lab, once."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        log: Log,
        *,
        workers: int,
        memory_mib: int,
        part_seconds: float,
        training_folder: Path | None,
        dask_address: str | None,
        venue: Venue,
        history_folder: Path | None,
    ) -> None:
        """`dask_address` is the scheduler whose workers carry runs on; None: processes of this machine do."""
        self._path, self._clock, self._log = path, clock, log
        self._workers, self._memory_mib, self._part_seconds = workers, memory_mib, part_seconds
        self._training_folder = training_folder
        self._dask_address = dask_address
        self._cluster: Cluster | None = None
        self._venue = venue
        self._history_folder = history_folder or path.with_name(path.name + ".history")
        self._opening: asyncio.Task[Lab] | None = None
        self._runner: Runner | None = None

    @property
    def lab(self) -> "Lab | None":
        """The lab, if it is open."""
        task = self._opening
        return task.result() if task is not None and task.done() and task.exception() is None else None

    async def go_on(self) -> None:
        """Opens the lab if its file is there, so that runs go on that were under way; or to say whether its cluster is
        there."""
        if self._path.is_file() or self._dask_address is not None:
            try:
                await self.opened()
            except Exception as error:  # the ledger serves whatever is wrong with the lab
                self._log.warning("lab_closed", reason=str(error))

    async def opened(self) -> "Lab":
        """The lab. Raises FailedPrecondition where it cannot be opened; the next call tries again."""
        if self._opening is None or (self._opening.done() and self._opening.exception() is not None):
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> "Lab":
        try:
            database = await asyncio.to_thread(self._load)
        except ImportError as error:
            raise FailedPrecondition(
                Reason.LAB_UNAVAILABLE,
                f'the server runs without its lab ({error}): pip install "rollbook-server[lab]"',
            ) from error
        except (DatabaseUnusable, OSError) as error:
            raise FailedPrecondition(Reason.LAB_UNAVAILABLE, f"the lab cannot be opened: {error}") from error
        from rollbook_server.lab import Lab
        from rollbook_server.runner import Runner

        try:
            lab = Lab(database, self._clock, self._log, self._venue, self._history_folder)
        except BaseException:
            database.close()  # or the next try would find its lock
            raise
        self._runner = Runner(
            lab,
            self._log,
            self._slots(),
            # Of a cluster's worker we do not know what else it did: the cap is its own.
            memory_mib=self._memory_mib if self._dask_address is None else None,
            part_seconds=self._part_seconds,
            training_folder=self._training_folder,
        )
        self._runner.start()
        self._log.info("lab_open", lab_db=str(self._path), lab_id=lab.lab_id, revision=lab.revision)
        return lab

    def _slots(self) -> "list[Worker]":
        """A worker for each run that may run at once."""
        from rollbook_server.processes import WorkerProcess

        if self._dask_address is None:
            return [WorkerProcess(self._log, "runs") for _ in range(self._workers)]
        from rollbook_server.cluster import Cluster, ClusterWorker

        cluster = self._cluster = Cluster(self._log, self._dask_address)
        cluster.start()
        return [ClusterWorker(cluster) for _ in range(self._workers)]

    def _load(self) -> Database:
        """On a thread: a fill must not wait for what is imported, nor for a look at a large file."""
        for name in LIBRARIES:  # some of which only the workers load: better to know it now
            if importlib.util.find_spec(name) is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        import rollbook_server.runner  # noqa: F401 - loads numpy, and all that the lab is made of

        if self._dask_address is not None:
            import distributed  # noqa: F401
        from rollbook_server.lab import open_lab

        return open_lab(self._path)

    def stop_watches(self) -> None:
        """Streams have no end of their own to wait for."""
        if self.lab is not None:
            self.lab.feed.close()

    async def close(self) -> None:
        """Leaves the runs where they are and closes the file."""
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if self._runner is not None:
            await self._runner.stop()
        if self._cluster is not None:
            await self._cluster.close()
        if self.lab is not None:
            await asyncio.to_thread(self.lab.close)
