"""The lab's use cases: data is registered, runs are queued, steered and looked at. The runner carries them on."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from rollbook_server.domain.backtest.followed import Followed
from rollbook_server.domain.backtest.history import HistoryOrder, Venue, settled
from rollbook_server.domain.backtest.outcomes import DatasetKind, HistoryKind, TrainingFormat, TrainingRows
from rollbook_server.domain.backtest.registered import Dataset, dataset_id_of
from rollbook_server.domain.backtest.runs import Backtest
from rollbook_server.domain.backtest.spec import BacktestSpec, digest, resolve
from rollbook_server.domain.backtest.version import ENGINE_VERSION, demand_engine
from rollbook_server.domain.clock import Clock, Micros
from rollbook_server.domain.errors import Reason, Unavailable
from rollbook_server.feed import Feed
from rollbook_server.fetching import Fetched, Fetcher, Fetching, fetched
from rollbook_server.labelling import Labelled, demand_labels, label, write_files
from rollbook_server.processes import WorkerDied, WorkerProcess
from rollbook_server.storage import lab_datasets, lab_reads
from rollbook_server.storage.database import Database, Job, open_database
from rollbook_server.storage.lab_schemas import LAB
from rollbook_server.storage.lab_store import Claim, LabStore, Order
from rollbook_server.storage.parts import Part
from rollbook_server.storage.sqlite import Connection
from rollbook_server.sweeps import Sweeps, hashes_of, ids_of, material_of, named
from rollbook_server.worker import DataOrder, Material, RunFailed, keep, parity, report

if TYPE_CHECKING:
    from rollbook_server.domain.backtest.parity import ChainParity
    from rollbook_server.domain.backtest.training_statistics import TrainingStatistics

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")

CHUNK = 256 * 1024
"""Bytes of a file that are sent at a time: far below what a message may hold."""


_REGISTERED = {HistoryKind.BARS: DatasetKind.BARS, HistoryKind.VOLATILITY: DatasetKind.VOLATILITY}
"""What becomes of history that was fetched; the rest stays in its files."""


class Log(Protocol):
    """Where it is said what happens."""

    def info(self, event: str, **fields: object) -> None: ...
    def error(self, event: str, **fields: object) -> None: ...


class Lab:
    """A lab on one file, with a folder of data beside it. Its methods belong to one event loop."""

    def __init__(self, database: Database, clock: Clock, log: Log, venue: Venue, history: Path) -> None:
        self.folder = database.path.with_name(database.path.name + ".datasets")
        self._exports = _exports(database.path)
        self._database = database
        self._clock = clock
        self._log = log
        self._store = LabStore(database.db)
        self._session = str(uuid.uuid4())
        self._loop = asyncio.get_running_loop()
        self._one_aside, self._one_export = asyncio.Lock(), asyncio.Lock()
        self._fetcher = Fetcher(venue, history, lambda: WorkerProcess(log, "fetch"))
        self.feed = Feed(self._store.head)
        """Wakes watchers."""
        self.queued = asyncio.Event()
        """Set when something may wait for the runner; then another one takes its place. Take it before you look."""
        database.start(
            self._store,
            delivered=self._deliver,
            failure=lambda error: log.error("lab_commit_failed", error=repr(error)),
        )
        self.sweeps = Sweeps(database.db, clock, self._session, self.folder, self._submit, self.read, self.wake)
        """The lab's sweeps."""
        for stop_pausing in (self._store.stop_pausing, self.sweeps.store.stop_pausing):
            database.submit(Job(run=stop_pausing, future=self._loop.create_future()))

    @property
    def lab_id(self) -> str:
        """Made with the file."""
        return self._store.lab_id

    @property
    def revision(self) -> int:
        """The last committed one."""
        return self._store.head

    def close(self) -> None:
        """Writes what waits and closes the file."""
        self._database.close()

    # -- data ---------------------------------------------------------------------------------------------------

    async def register(self, name: str, source: str, order: DataOrder) -> Dataset:
        """Reads or makes data, in a process of its own, and keeps it. Raises Refusal."""
        kept = await self._aside(keep, self.folder, order)
        dataset = Dataset(
            dataset_id=dataset_id_of(order.kind, order.underlying, kept.content_hash),
            name=name,
            kind=order.kind,
            underlying=order.underlying,
            content_hash=kept.content_hash,
            rows=kept.rows,
            first_time=kept.first_time,
            last_time=kept.last_time,
            interval=kept.interval,
            gaps=len(kept.gaps),
            source=source,
            create_time=self._clock.now(),
            quote_currency=kept.quote_currency,
            dropped_rows=sum(each.rows for each in kept.dropped),
            dropped=tuple(kept.dropped),
            synthetic=order.synthetic is not None,
        )
        return await self._submit(lambda: lab_datasets.register(self._database.db, dataset, kept.gaps))

    async def fetch(self, order: HistoryOrder, name: str) -> AsyncGenerator[Fetching | Fetched, None]:
        """Fetches a venue's history, and registers it where the lab uses it: how far it has come, and last what there
        is. Raises Refusal."""
        order = settled(order, self._clock.now())
        folder, steps = self._fetcher.folder, self._fetcher.fetch(order)
        reached = Fetching(0, 0, 0)
        async with aclosing(steps) as stream:
            async for reached in stream:
                yield reached
        kind = _REGISTERED.get(order.kind)
        if kind is None:
            yield await self._aside(fetched, folder, order, reached.pages_total)
            return
        data = DataOrder(kind=kind, underlying=order.underlying, path=folder, history=order)
        dataset = await self.register(name or order.series, f"Deribit {order.series}", data)
        yield Fetched(
            path=folder / order.where,
            rows=dataset.rows,
            first_time=dataset.first_time,
            last_time=dataset.last_time,
            dataset=dataset,
        )

    async def dataset(self, dataset_id: str) -> Dataset:
        """One dataset. Raises NotFound."""
        return await self.read(lambda db: lab_datasets.get(db, dataset_id))

    async def _aside(self, function: Callable[P, A], *args: P.args, **more: P.kwargs) -> A:
        """What a function of `worker` gives, in a process of its own, one at a time: each may take a lot of memory,
        and none may delay a fill. Raises Unavailable."""
        async with self._one_aside:
            process = WorkerProcess(self._log, function.__name__)
            try:
                return await process.run(function, *args, **more)
            except WorkerDied as error:
                raise _died() from error
            finally:
                await process.close()

    # -- runs ---------------------------------------------------------------------------------------------------

    async def create(self, request_id: str, given: BacktestSpec, group_id: str, engine_version: str = "") -> Backtest:
        """Queues a run; the same request again gives the same run. Raises Refusal, also where the engine is not the one
        that is asked for ("": any)."""

        def run() -> Backtest:
            db = self._database.db
            backtest_id = self._store.known(request_id, given, group_id)
            if backtest_id is None:
                demand_engine(engine_version or ENGINE_VERSION, "engine_version")
                datasets = named(db, given.data)
                spec = resolve(given, {name: dataset.facts for name, dataset in datasets.items()})
                hashes = {name: dataset.content_hash for name, dataset in datasets.items()}
                order = Order(
                    request_id=request_id,
                    given=given,
                    group_id=group_id,
                    spec=spec,
                    run_digest=digest(spec, hashes, ENGINE_VERSION),
                    engine=ENGINE_VERSION,
                )
                backtest_id = self._store.create(order, self._clock.now())
            return lab_reads.backtest(db, backtest_id)

        created = await self._submit(run)
        self.wake()
        return created

    async def backtest(self, backtest_id: str) -> Backtest:
        """One run in full. Raises NotFound."""
        return await self.read(lambda db: lab_reads.backtest(db, backtest_id))

    async def pause(self, backtest_id: str) -> Backtest:
        """Stops a run after the part that it works on. Raises NotFound, FailedPrecondition."""
        return await self._steer(backtest_id, lambda: self._store.pause(backtest_id))

    async def resume(self, backtest_id: str) -> Backtest:
        """Lets a paused run go on. Raises NotFound, FailedPrecondition."""
        resumed = await self._steer(backtest_id, lambda: self._store.resume(backtest_id))
        self.wake()
        return resumed

    async def cancel(self, backtest_id: str) -> Backtest:
        """Ends a run for good, at once: its present part is not written. Raises NotFound, FailedPrecondition."""
        return await self._steer(backtest_id, lambda: self._store.cancel(backtest_id, self._clock.now()))

    async def _steer(self, backtest_id: str, change: Callable[[], None]) -> Backtest:
        def run() -> Backtest:
            change()
            return lab_reads.backtest(self._database.db, backtest_id)

        return await self._submit(run)

    async def delete(self, backtest_id: str) -> Micros:
        """Removes a run and its results; when it was. Raises NotFound."""
        return await self._submit(lambda: self._store.delete(backtest_id, self._clock.now()))

    async def report(self, run: Backtest) -> str:
        """A page about a run: HTML, complete. Raises NotFound, Unavailable."""

        def query(db: Connection) -> tuple[Mapping[str, Dataset], lab_reads.Results]:
            found = lab_datasets.find(db, ids_of(run.spec.data))
            return found, lab_reads.results(db, lab_reads.row_of(db, run.backtest_id))

        datasets, rows = await self.read(query)
        return await self._aside(report, run, datasets, rows.steps, rows.equity, rows.chains, rows.cycles)

    async def parity(self, chain: Followed, rules: BacktestSpec | str) -> "ChainParity":
        """A chain of the ledger beside what the engine makes of it, by a spec or by that of a run. Raises Refusal."""

        def query(db: Connection) -> Material:
            if isinstance(rules, str):
                spec = lab_reads.spec_of(db, rules)
            else:
                spec = resolve(rules, {name: dataset.facts for name, dataset in named(db, rules.data).items()})
            return material_of(self.folder, spec, hashes_of(db, spec.data))

        return await self._aside(parity, await self.read(query), chain)

    async def export(
        self, run: Backtest, rows: TrainingRows, kind: TrainingFormat
    ) -> AsyncGenerator["Labelled | bytes | TrainingStatistics", None]:
        """Training data of a run that has ended: how far it is made, then the bytes of a file, then what it is. It is
        made in a process of its own, one at a time, and lies on the disk while it is sent. Raises NotFound,
        InvalidArgument (it is a wheel), FailedPrecondition (the engine that there is did not make the run),
        Unavailable."""
        demand_labels(run.spec)
        demand_engine(run.engine_version, "backtest_id")

        def query(db: Connection) -> tuple[Material, lab_reads.Results]:
            hashes = hashes_of(db, run.spec.data)
            return material_of(self.folder, run.spec, hashes), lab_reads.results(
                db, lab_reads.row_of(db, run.backtest_id)
            )

        material, results = await self.read(query)
        async with self.export_folder() as folder:
            file = folder / "rows"
            async with self._one_export:
                process = WorkerProcess(self._log, "export")
                try:
                    async for made in label(process.run, material, results.steps, results.chains, rows, folder):
                        yield made
                    told = await process.run(write_files, run.spec, rows, folder, made, {kind: file})
                except WorkerDied as error:
                    raise _died() from error
                except RunFailed as error:
                    raise Unavailable(Reason.STORAGE_FAILED, f"the rows could not be made: {error}") from error
                finally:
                    await process.close()
            with await asyncio.to_thread(file.open, "rb") as content:
                while chunk := await asyncio.to_thread(content.read, CHUNK):
                    yield chunk
            yield told

    @asynccontextmanager
    async def export_folder(self) -> AsyncIterator[Path]:
        """A folder for what lies on the disk until it is sent, or has another place; what a server that was killed left
        there is gone when the lab is opened."""
        folder = self._exports / str(uuid.uuid4())
        await asyncio.to_thread(folder.mkdir, parents=True)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def counts(self) -> lab_reads.Counts:
        """What runs, and what waits for a worker."""
        return await self.read(lab_reads.count)

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Runs a query of `storage.lab_reads` or `lab_datasets` on a snapshot."""
        return await asyncio.wrap_future(self._database.read(query))

    # -- for the runner -----------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something may wait for the runner."""
        queued, self.queued = self.queued, asyncio.Event()
        queued.set()

    async def claim(self) -> tuple[Claim, Material] | None:
        """The next run to carry on, and what it works with. Raises Unavailable."""

        def run() -> tuple[Claim, Material] | None:
            claim = self._store.claim(self._session, self._clock.now())
            if claim is None:
                return None
            hashes = hashes_of(self._database.db, claim.spec.data)
            if claim.engine != ENGINE_VERSION:
                claim = self._store.start_over(claim, ENGINE_VERSION, digest(claim.spec, hashes, ENGINE_VERSION))
            return claim, material_of(self.folder, claim.spec, hashes)

        return await self._submit(run)

    async def record(self, claim: Claim, part: Part) -> Claim | None:
        """Writes a part; the claim to go on with, None if the run is not to go on. Raises Unavailable."""
        return await self._submit(lambda: self._store.record(claim, part))

    async def measured(self, claim: Claim, metrics: str) -> None:
        """Keeps figures so far. Raises Unavailable."""
        await self._submit(lambda: self._store.measured(claim, metrics))

    async def finish(self, claim: Claim, metrics: str, result_digest: str) -> None:
        """Ends a run that has everything. Raises Unavailable."""
        await self._submit(lambda: self._store.finish(claim, metrics, result_digest, self._clock.now()))

    async def fail(self, claim: Claim, error: str) -> None:
        """Ends a run that cannot go on. Raises Unavailable."""
        await self._submit(lambda: self._store.fail(claim, error, self._clock.now()))

    # -- the writer ---------------------------------------------------------------------------------------------

    async def _submit(self, run: Callable[[], T]) -> T:
        future: asyncio.Future[T] = self._loop.create_future()
        self._database.submit(Job(run=run, future=future))
        return await asyncio.shield(future)

    def _deliver(self, group: Sequence[Job]) -> None:
        self._loop.call_soon_threadsafe(self._answer, group)

    def _answer(self, group: Sequence[Job]) -> None:
        """Hands each job's outcome to whoever still waits for it; watchers are woken first."""
        self.feed.publish(self.revision)
        for job in group:
            if job.future.done():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
                job.future.exception()  # whoever asked may be gone: then nobody retrieves it, and that is no news
            else:
                job.future.set_result(job.outcome)


def open_lab(path: Path) -> Database:
    """The lab's file. Raises DatabaseUnusable. It may look for damage a while: not for the event loop."""
    database = open_database(path, LAB)
    shutil.rmtree(_exports(path), ignore_errors=True)  # of a server that was killed while it sent something
    return database


def _exports(path: Path) -> Path:
    """Where what is sent lies until it is sent; the lab's lock is a lock on this folder, too."""
    return path.with_name(path.name + ".exports")


def _died() -> Unavailable:
    return Unavailable(Reason.STORAGE_FAILED, "the process that did it died, perhaps for want of memory; try again")
