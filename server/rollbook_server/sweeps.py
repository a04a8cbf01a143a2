"""The use cases of sweeps: queued with all their points, steered, looked at, carried on. `lab` has them at hand."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from rollbook_server.domain.backtest.registered import Dataset
from rollbook_server.domain.backtest.spec import BacktestSpec, DataSpec
from rollbook_server.domain.backtest.sweeps import Sweep, SweepPlan, design
from rollbook_server.domain.backtest.version import ENGINE_VERSION
from rollbook_server.domain.clock import Clock, Micros
from rollbook_server.domain.errors import NotFound, Reason
from rollbook_server.storage import lab_datasets, sweep_reads
from rollbook_server.storage.sqlite import Connection
from rollbook_server.storage.sweep_store import DonePoint, SweepClaim, SweepStore, following
from rollbook_server.worker import Material

T = TypeVar("T")


class Submit(Protocol):
    """Has the lab's writer do something, and waits for its COMMIT. Raises Unavailable."""

    def __call__(self, run: Callable[[], T]) -> Awaitable[T]: ...


class Read(Protocol):
    """Runs a query on a snapshot."""

    def __call__(self, query: Callable[[Connection], T]) -> Awaitable[T]: ...


class Sweeps:
    """The sweeps of a lab."""

    def __init__(
        self,
        db: Connection,
        clock: Clock,
        session: str,
        folder: Path,
        submit: Submit,
        read: Read,
        queued: Callable[[], None],
    ) -> None:
        self._db, self._clock, self._session, self._folder = db, clock, session, folder
        self._submit, self._read, self._queued = submit, read, queued
        self.store = SweepStore(db)

    async def create(self, request_id: str, plan: SweepPlan) -> Sweep:
        """Queues a sweep; the same request again gives the same sweep. Raises Refusal."""
        known = await self._submit(lambda: self.store.known(request_id, plan))
        if known is None:
            datasets = await self._read(lambda db: named(db, plan.spec.data))
            facts = {name: dataset.facts for name, dataset in datasets.items()}
            # On a thread: ten thousand points take a second, and no fill may wait for it.
            designed = await asyncio.to_thread(design, plan, facts)

            def run() -> str:
                return self.store.known(request_id, plan) or self.store.create(
                    request_id, plan, designed, ENGINE_VERSION, self._clock.now()
                )

            known = await self._submit(run)
            self._queued()
        sweep_id = known
        return await self._submit(lambda: sweep_reads.sweep(self._db, sweep_id))

    async def pause(self, sweep_id: str) -> Sweep:
        """Stops a sweep after the points that it works on. Raises NotFound, FailedPrecondition."""
        return await self._steer(sweep_id, lambda: self.store.pause(sweep_id))

    async def resume(self, sweep_id: str) -> Sweep:
        """Lets a paused sweep go on. Raises NotFound, FailedPrecondition."""
        resumed = await self._steer(sweep_id, lambda: self.store.resume(sweep_id))
        self._queued()
        return resumed

    async def cancel(self, sweep_id: str) -> Sweep:
        """Ends a sweep for good, at once: the points that it works on are not written. Raises NotFound,
        FailedPrecondition."""
        return await self._steer(sweep_id, lambda: self.store.cancel(sweep_id, self._clock.now()))

    async def _steer(self, sweep_id: str, change: Callable[[], None]) -> Sweep:
        def run() -> Sweep:
            change()
            return sweep_reads.sweep(self._db, sweep_id)

        return await self._submit(run)

    async def delete(self, sweep_id: str) -> Micros:
        """Removes a sweep and its points; when it was. Raises NotFound."""
        return await self._submit(lambda: self.store.delete(sweep_id, self._clock.now()))

    # -- for the runner -----------------------------------------------------------------------------------------

    async def claim(self) -> tuple[SweepClaim, Material] | None:
        """The next sweep to carry on, and what it works with. Raises Unavailable."""

        def run() -> tuple[SweepClaim, Material] | None:
            claim = self.store.claim(self._session, self._clock.now())
            if claim is None:
                return None
            if claim.engine != ENGINE_VERSION:
                claim = self.store.start_over(claim, ENGINE_VERSION)
            spec = claim.plan.spec
            return claim, material_of(self._folder, spec, hashes_of(self._db, spec.data))

        return await self._submit(run)

    async def following(self, claim: SweepClaim, count: int) -> Sequence[tuple[int, BacktestSpec | None]]:
        """The next so many points of a sweep, each with what it runs out of sample."""
        return await self._read(lambda db: following(db, claim, count))

    async def record(
        self, claim: SweepClaim, upto: int, points: Sequence[DonePoint], seconds: float
    ) -> SweepClaim | None:
        """Writes what came of points; the claim to go on with, None if the sweep is not to go on. Raises
        Unavailable."""
        return await self._submit(lambda: self.store.record(claim, upto, points, seconds, self._clock.now()))

    async def fail(self, claim: SweepClaim, error: str) -> None:
        """Ends a sweep that cannot go on. Raises Unavailable."""
        await self._submit(lambda: self.store.fail(claim, error, self._clock.now()))


def ids_of(data: DataSpec) -> list[str]:
    """The datasets that a spec names."""
    return [name for name in (data.spot_dataset_id, data.volatility_dataset_id, data.quotes_dataset_id) if name]


def named(db: Connection, data: DataSpec) -> Mapping[str, Dataset]:
    """The datasets that a spec names. Raises NotFound with the field."""
    found = lab_datasets.find(db, ids_of(data))
    for field in ("spot_dataset_id", "volatility_dataset_id", "quotes_dataset_id"):
        name = getattr(data, field)
        if name and name not in found:
            raise NotFound(Reason.DATASET_NOT_FOUND, f"there is no dataset {name[:80]!r}", f"spec.data.{field}")
    return found


def hashes_of(db: Connection, data: DataSpec) -> Mapping[str, str]:
    """The contents of the datasets that a spec names."""
    return {name: dataset.content_hash for name, dataset in lab_datasets.find(db, ids_of(data)).items()}


def material_of(folder: Path, spec: BacktestSpec, hashes: Mapping[str, str]) -> Material:
    """What a worker needs."""
    return Material(
        folder=folder,
        spot=hashes[spec.data.spot_dataset_id],
        volatility=hashes.get(spec.data.volatility_dataset_id, ""),
        quotes=hashes.get(spec.data.quotes_dataset_id, ""),
        spec=spec,
    )
