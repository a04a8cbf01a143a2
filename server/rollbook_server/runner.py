"""Carries the lab's runs on: the oldest first, so many at a time, each part by part in a worker. Then its sweeps, some
points at a time, by all who have no run.

A run is a fold over its bars: a part takes the state and some more bars, and gives the next state and rows. Between two
parts all is in lab.db, so there a run can be paused, cancelled, deleted or killed, and goes on with nothing twice and
nothing missing. How long a part takes is aimed at, by the speed of the part before; what it brings forth does not
depend on it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from rollbook_server.domain.backtest.outcomes import TrainingRows
from rollbook_server.domain.backtest.runs import MEASURING
from rollbook_server.domain.errors import InvalidArgument, NotFound, Reason, Unavailable
from rollbook_server.lab import Lab
from rollbook_server.labelling import Labelled, demand_labels, label, publish
from rollbook_server.processes import WorkerDied, WorkerProcess
from rollbook_server.storage import lab_reads
from rollbook_server.storage.lab_store import Claim
from rollbook_server.storage.sweep_store import SweepClaim
from rollbook_server.worker import (
    Material,
    Measured,
    PointsOrder,
    RunFailed,
    SimulatedPoints,
    measure,
    simulate,
    simulate_points,
)

P = ParamSpec("P")
T = TypeVar("T")

LEAST_BARS = 256
"""Of a part: below it, passing the state around would take longer than the work."""
_GROWTH = 16
"""A part is at most so many times as long as the one before."""
_ATTEMPTS = 5
"""Workers that may die at one part; what kills them all will kill the next."""
_PAUSE = 2.0
"""Seconds after which is tried again what could not be written."""
_FIGURES_EVERY, _FIGURES_SHARE = 0.5, 10.0
"""Seconds between two looks at the figures so far, and how many times as long as a look takes."""


class Log(Protocol):
    """Where it is said what happens."""

    def info(self, event: str, **fields: object) -> None: ...
    def warning(self, event: str, **fields: object) -> None: ...
    def error(self, event: str, **fields: object) -> None: ...


class Worker(Protocol):
    """Who does the work of a slot: a process of its own, or a worker of a cluster."""

    async def run(self, function: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """What a function of `worker` returns. Raises WorkerDied, RunFailed."""

    async def close(self) -> None:
        """Gives up what it holds; the next call takes it anew."""


class Runner:
    """The slots in which runs are carried on, each with a worker of its own: who kills one harms one run."""

    def __init__(
        self,
        lab: Lab,
        log: Log,
        workers: Sequence[Worker],
        *,
        memory_mib: int | None,
        part_seconds: float,
        training_folder: Path | None,
    ) -> None:
        """`memory_mib` is what a worker may hold; None: others see to that. `training_folder` gets the training data of
        runs that succeed; None: none is made."""
        sweeps: list[_Sweep] = []
        self._slots = [_Slot(lab, log, worker, sweeps, memory_mib, part_seconds, training_folder) for worker in workers]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Takes up what was under way when the server stopped, and what waits."""
        self._tasks = [asyncio.create_task(slot.work()) for slot in self._slots]

    async def stop(self) -> None:
        """Leaves all runs where their last part ended; they go on at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(slot.close() for slot in self._slots))


class _Slot:
    """Carries on one run at a time, and some points of a sweep where no run waits."""

    def __init__(
        self,
        lab: Lab,
        log: Log,
        worker: Worker,
        sweeps: list["_Sweep"],
        memory_mib: int | None,
        part_seconds: float,
        training_folder: Path | None,
    ) -> None:
        """`sweeps` are those under way, of all slots."""
        self._lab, self._log, self._worker, self._sweeps = lab, log, worker, sweeps
        self._memory_mib, self._part_seconds = memory_mib, part_seconds
        self._training_folder = training_folder

    async def close(self) -> None:
        await self._worker.close()

    async def work(self) -> None:
        """Until it is cancelled. Between two parts of a sweep a run that waits goes first: people wait for it."""
        while True:
            queued = self._lab.queued  # before looking: what is queued meanwhile sets it
            if not await self._next_run() and not await self._next_points():
                await queued.wait()

    async def _next_run(self) -> bool:
        """Carries on the run that is next; whether there was one."""
        found = await self._written(self._lab.claim)
        if found is None:
            return False
        claim, material = found
        run = _Run(claim, material)
        self._log.info("backtest_runs", backtest_id=claim.backtest_id, bars_done=claim.progress.bars_done)
        try:
            await self._carry_on(run)
        except RunFailed as failure:
            await self._fail(run, str(failure))
        except Exception as error:  # a mistake of ours: this run fails, the others go on
            self._log.error("run_failed", backtest_id=claim.backtest_id, error=repr(error))
            await self._fail(run, f"{type(error).__name__}: {error}")
        return True

    async def _next_points(self) -> bool:
        """Does points of a sweep that is under way, or begins the next one; whether there was one."""
        sweep = next((each for each in self._sweeps if each.taken < each.claim.points_total), None)
        if sweep is None:
            found = await self._written(self._lab.sweeps.claim)
            if found is None:
                return False
            sweep = _Sweep(*found)
            self._sweeps.append(sweep)
            self._lab.wake()  # the other slots may help
            self._log.info("sweep_runs", sweep_id=sweep.claim.sweep_id, points_done=sweep.claim.points_done)
        try:
            await self._do_points(sweep)
        except Exception as error:
            if sweep in self._sweeps:
                self._sweeps.remove(sweep)
                sentence = str(error) if isinstance(error, RunFailed) else f"{type(error).__name__}: {error}"
                await self._written(self._lab.sweeps.fail, sweep.claim, sentence)
                self._log.warning("sweep_failed", sweep_id=sweep.claim.sweep_id, error=sentence)
        return True

    async def _do_points(self, sweep: "_Sweep") -> None:
        """So many points as take about as long as a part of a run. Raises RunFailed."""
        claim, first, upto = sweep.claim, *sweep.take()
        points = await self._lab.sweeps.following(replace(claim, points_done=first), upto - first)
        to_run = [(number, spec) for number, spec in points if spec is not None]
        order = PointsOrder(sweep.material, claim.from_time, claim.windows, claim.plan.rank_by, to_run)
        done = await self._attempt(self._worker, {"sweep_id": claim.sweep_id}, simulate_points, order)
        await self._demand_memory(done.peak_memory)
        if to_run:
            pace = len(to_run) / max(done.seconds, 1e-6)
            sweep.count = max(1, min(int(pace * self._part_seconds), len(to_run) * _GROWTH))
        sweep.waiting[first] = upto, done
        async with sweep.writing:
            while sweep in self._sweeps and (turn := sweep.waiting.pop(sweep.claim.points_done, None)):
                upto, done = turn
                following = await self._written(self._lab.sweeps.record, sweep.claim, upto, done.points, done.seconds)
                if following is None:  # it is through, or was paused, cancelled or deleted
                    self._sweeps.remove(sweep)
                    self._log.info("sweep_stops", sweep_id=claim.sweep_id, points_done=upto)
                else:
                    sweep.claim = following

    async def _carry_on(self, run: "_Run") -> None:
        """Part by part to the end. Raises RunFailed."""
        bars, figures_due = LEAST_BARS, time.monotonic() + _FIGURES_EVERY
        while (claim := run.claim).progress.phase != MEASURING:
            state = (claim.checkpoint, claim.progress, bars, claim.points, claim.curve)
            done = await self._attempt(self._worker, run.about, simulate, run.material, *state)
            await self._demand_memory(done.peak_memory)
            following = await self._written(self._lab.record, claim, done.part)
            if following is None:
                return  # it was paused, cancelled or deleted
            run.claim = following
            speed = done.bars / max(done.seconds, 1e-6)
            bars = max(LEAST_BARS, min(int(speed * self._part_seconds), bars * _GROWTH))
            if time.monotonic() >= figures_due:
                started = time.monotonic()
                so_far = await self._measure(run, ended=False)
                await self._written(self._lab.measured, run.claim, so_far.metrics)
                now = time.monotonic()
                figures_due = now + max(_FIGURES_EVERY, _FIGURES_SHARE * (now - started))
        figures = await self._measure(run, ended=True)
        if self._training_folder is not None:
            await self._keep_training_data(run, self._training_folder)
        await self._written(self._lab.finish, run.claim, figures.metrics, figures.result_digest)
        self._log.info("backtest_succeeded", backtest_id=run.claim.backtest_id, result_digest=figures.result_digest)

    async def _measure(self, run: "_Run", *, ended: bool) -> Measured:
        number = run.claim.id
        rows = await self._lab.read(lambda db: lab_reads.results(db, number))
        found = (rows.steps, rows.equity, rows.chains, rows.cycles)
        measured = await self._attempt(self._worker, run.about, measure, run.material, ended, *found)
        await self._demand_memory(measured.peak_memory)
        return measured

    async def _keep_training_data(self, run: "_Run", target: Path) -> None:
        """Before the run ends: where the server stops in between, it is done again, to files of the same names. What
        cannot be written is said in the log; the run's own results do not depend on it. It is made in a process of this
        machine, where its files are to be."""
        number, backtest_id = run.claim.id, run.claim.backtest_id
        process = WorkerProcess(self._log, "training data")

        async def do(function: Callable[..., T], /, *args: object) -> T:
            return await self._attempt(process, run.about, function, *args)

        try:
            demand_labels(run.claim.spec)
            about = await self._lab.backtest(backtest_id)
            found = await self._lab.read(lambda db: lab_reads.results(db, number))
            for rows in TrainingRows:
                async with self._lab.export_folder() as folder:
                    made: Labelled | None = None
                    async for so_far in label(do, run.material, found.steps, found.chains, rows, folder):
                        if (await self._lab.backtest(backtest_id)).status.state.ended:
                            return  # it was cancelled
                        made = so_far
                    names = await do(publish, about, rows, folder, made, target)
                self._log.info("training_data_written", backtest_id=backtest_id, folder=str(target), files=names)
        except (RunFailed, NotFound, InvalidArgument, OSError) as error:
            self._log.warning("training_data_not_written", backtest_id=backtest_id, error=str(error))
        finally:
            await process.close()

    async def _attempt(
        self, worker: Worker, about: Mapping[str, str], function: Callable[P, T], *args: P.args, **more: P.kwargs
    ) -> T:
        """Has a worker do something; where it dies, another one. Raises RunFailed."""
        for _ in range(_ATTEMPTS):
            try:
                return await worker.run(function, *args, **more)
            except WorkerDied as death:
                self._log.warning("worker_died", **about, reason=str(death))
        raise RunFailed(f"{_ATTEMPTS} worker processes died at the same part: killed, or out of memory")

    async def _demand_memory(self, peak: int) -> None:
        mib = peak // 2**20
        if self._memory_mib is not None and mib > self._memory_mib:
            await self._worker.close()  # or the next run would pay for this one
            raise RunFailed(f"its worker held {mib} MiB, and the cap (lab_memory) is {self._memory_mib} MiB")

    async def _fail(self, run: "_Run", error: str) -> None:
        await self._written(self._lab.fail, run.claim, error)
        self._log.warning("backtest_failed", backtest_id=run.claim.backtest_id, error=error)

    async def _written(self, write: Callable[P, Awaitable[T]], *args: P.args, **more: P.kwargs) -> T:
        """What a write returns; while the disk is full it is tried again, and the run waits."""
        while True:
            try:
                return await write(*args, **more)
            except Unavailable as refusal:
                if refusal.reason is not Reason.STORAGE_FAILED:
                    await asyncio.Event().wait()  # the server stops: until it cancels this
                self._log.warning("lab_not_written", reason=refusal.message)
                await asyncio.sleep(_PAUSE)


class _Run:
    """A run that is carried on, and how far it is."""

    def __init__(self, claim: Claim, material: Material) -> None:
        self.claim, self.material = claim, material
        self.about = {"backtest_id": claim.backtest_id}


class _Sweep:
    """A sweep that slots carry on together: each takes the points that follow, and what comes of them is written in the
    order of their numbers, because how many are done is the checkpoint."""

    def __init__(self, claim: SweepClaim, material: Material) -> None:
        self.claim, self.material = claim, material
        self.taken = claim.points_done
        """Points that are done, or that somebody works on."""
        self.count = 1
        """So many are taken next."""
        self.waiting: dict[int, tuple[int, SimulatedPoints]] = {}
        """What came of points before its turn: by the number before the first of them, with that of the last."""
        self.writing = asyncio.Lock()

    def take(self) -> tuple[int, int]:
        """The number before the first of the next points, and that of the last."""
        first, self.taken = self.taken, min(self.taken + self.count, self.claim.points_total)
        return first, self.taken
