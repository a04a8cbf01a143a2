"""What watching costs: how soon a change is everywhere, how many of them a second, and who pays for a slow watcher."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.bench.caller import percentile
from tests.bench.figures import Figure, spread
from tests.bench.processes import Call, Server, caller, give, line, served, worker
from tests.bench.watchers import VALUATION_INTERVAL_MS

_IN_FLIGHT = 8
_BATCH, _PAST = 25, 500
_PERIOD = 0.1
"""Seconds between the marks of a contract."""


@dataclass(frozen=True)
class Crowds:
    """How much is done."""

    echoes: int
    watchers: Mapping[int, int]
    """How many they are, and how many calls each of those in flight makes to be watched by so many."""
    rounds: int
    live: int
    """Watchers beside the one that stalls."""
    batches: int
    past: int
    """Batches before there is a watcher."""
    instruments: int
    valued: int
    """Watchers who ask for values."""
    marks: int
    """Times that all instruments are marked."""


FULL = Crowds(
    echoes=300,
    watchers={1: 40, 10: 40, 100: 15, 1_000: 3},
    rounds=3,
    live=200,
    batches=80,
    past=30,
    instruments=500,
    valued=50,
    marks=100,
)
QUICK = Crowds(echoes=5, watchers={1: 3, 3: 3}, rounds=1, live=3, batches=2, past=1, instruments=10, valued=2, marks=4)

Arrivals = Iterable[Sequence[tuple[int, float]]]


def _lags(changes: Sequence[tuple[int, float]], arrivals: Arrivals) -> list[float]:
    """Seconds from each change to each watcher's first message that holds it, or something newer."""
    lags = []
    for messages in arrivals:
        following = iter(messages)
        position, arrived = next(following)
        for change, made in changes:
            while position < change:
                position, arrived = next(following)
            lags.append(arrived - made)
    return lags


def _both(seconds: Iterable[float], form: str = "{:,.1f}") -> str:
    """p50 and p99, in ms."""
    ordered = sorted(seconds)
    return " / ".join(form.format(percentile(ordered, share) * 1_000) for share in (0.50, 0.99))


def _cursor(server: Server) -> dict[str, Any]:
    return {"ledger_id": server.first["ledger_id"], "after_revision": server.now()["revision"]}


def _open(running: Popen[str], number: int, kind: str, *, narrow: bool = False, **request: Any) -> None:
    give(running, open=number, kind=kind, narrow=narrow, request=request)
    line(running)


def streams(folder: Path, crowds: Crowds, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Everything about watching."""
    with served(folder / "streams" / "ledger.db") as server:
        tell("acknowledgement to subscriber")
        yield from _echoes(server, crowds)
        yield from _fan_out(server, crowds, tell)
    with served(folder / "stalled" / "ledger.db") as server:
        tell("a watcher stalls")
        yield from _stalled(server, crowds)
    with served(folder / "marks" / "ledger.db") as server:
        tell("marks")
        yield from _marks(server, crowds)


def _echoes(server: Server, crowds: Crowds) -> Iterator[Figure]:
    """From the answer to a command until a watcher has the change, one at a time."""
    with worker("echo", server.target) as running:
        for kind in ("entries", "chains"):
            give(running, kind=kind, calls=crowds.echoes, request=_cursor(server))
            taken = line(running)["taken"]
            name = f"acknowledgement to subscriber, Watch{kind.title()}, p50 / p99, ms"
            yield Figure(name, _both(taken, "{:.2f}"), "p50 5")


@dataclass(frozen=True)
class _Round:
    """Executions by some in flight, and their way to watchers."""

    seconds: float
    """Until the last watcher had the last one."""
    delivered: int
    """Changes, as often as there are watchers."""
    messages: int
    """In which they came."""
    lags: list[float]
    processor: float
    """Seconds that the server used."""
    memory: int
    """Bytes that it uses more than before."""


def _round(server: Server, call: Call, running: Popen[str], in_flight: int, calls: int, size: int = 0) -> _Round:
    before = server.now()
    executions = in_flight * calls * max(size, 1)
    give(running, until=before["revision"] + executions)
    done = call("batch" if size else "real", in_flight, calls, size, acks=True)
    arrivals = line(running)["arrivals"]
    after = server.now()
    return _Round(
        seconds=max(messages[-1][1] for messages in arrivals) - done["began"],
        delivered=executions * len(arrivals),
        messages=sum(map(len, arrivals)),
        lags=_lags(done["acks"], arrivals),
        processor=after["all"] - before["all"],
        memory=after["rss now"] - before["rss now"],
    )


def _fan_out(server: Server, crowds: Crowds, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Executions, and more and more watchers of the whole journal."""
    alone = 0.0
    with caller(server.target) as call:
        for number, calls in crowds.watchers.items():
            tell(f"{number:,} watchers")
            with worker("watchers", server.target) as running:
                _open(running, number, "entries", **_cursor(server))
                _round(server, call, running, _IN_FLIGHT, 1)  # warm
                rounds = [_round(server, call, running, _IN_FLIGHT, calls) for _ in range(crowds.rounds)]
            rates = [each.delivered / each.seconds for each in rounds]
            executions = statistics.median(rates) / number
            cost = statistics.median(each.processor / each.delivered for each in rounds) * 1e6
            alone = alone or cost
            yield Figure(f"changes/s to {_watchers(number)}, {_IN_FLIGHT} in flight", spread(rates, "{:,.0f}"))
            yield Figure("    executions/s meanwhile", f"{executions:,.0f}")
            lags = [lag for each in rounds for lag in each.lags]
            yield Figure("    acknowledgement to subscriber, p50 / p99, ms", _both(lags))
            per_message = statistics.median(each.processor / each.messages for each in rounds) * 1e6
            yield Figure("    processor time of the server per change and watcher, µs", f"{cost:,.0f}")
            yield Figure("    the same per message, µs", f"{per_message:,.0f}")
            if number > 1:
                yield Figure("    ratio to that of one watcher", f"{cost / alone:.2f}")


def _watchers(number: int) -> str:
    return f"{number:,} watcher{'s' if number > 1 else ''}"


def _stalled(server: Server, crowds: Crowds) -> Iterator[Figure]:
    """The same batches without, then with one watcher who does not read."""
    with (
        caller(server.target) as call,
        worker("watchers", server.target) as live,
        worker("watchers", server.target) as stalled,
    ):
        call("batch", 1, crowds.past, _PAST)  # what the server keeps at hand it has from now on,
        _open(live, crowds.live, "entries", **_cursor(server))
        _round(server, call, live, 1, crowds.batches // 2, _BATCH)  # and what is on its way to so many
        alone = _round(server, call, live, 1, crowds.batches, _BATCH)
        begun = _cursor(server)
        _open(stalled, 1, "entries", narrow=True, **begun)
        beside = _round(server, call, live, 1, crowds.batches, _BATCH)
        for name, done in ((f"{crowds.live:,} live watchers", alone), ("one stalled and they", beside)):
            entries = done.delivered // crowds.live
            yield Figure(f"{name}: acknowledgement to subscriber, p50 / p99, ms", _both(done.lags))
            grown = f"{done.memory / 2**20:,.1f}"
            yield Figure(
                f"    memory of the server, more after {entries:,} entries, MiB", grown, "0" if done is beside else ""
            )
        give(stalled, until=server.now()["revision"])
        arrivals = line(stalled)["arrivals"][0]
        revisions = [begun["after_revision"], *(revision for revision, _ in arrivals)]
        # A message that holds more than a batch was made when it read again.
        missed = sum(after - before for before, after in pairwise(revisions) if after - before > _BATCH)
        yield Figure("    entries that it did not take meanwhile", f"{missed:,}")
        yield Figure("    it reads again, and has all after, ms", f"{(arrivals[-1][1] - arrivals[0][1]) * 1_000:,.0f}")


def _marks(server: Server, crowds: Crowds) -> Iterator[Figure]:
    """All instruments are marked ten times a second, and watchers have their chains valued."""
    with (
        worker("marker", server.target, str(crowds.instruments)) as marker,
        worker("watchers", server.target) as running,
    ):
        line(marker)
        _open(running, crowds.valued, "values", valuation_interval_ms=VALUATION_INTERVAL_MS)
        give(marker, times=crowds.marks, period=_PERIOD)
        give(running, until=line(marker)["last"])
        before = server.now()
        marked, arrivals = line(marker), line(running)["arrivals"]
        after = server.now()
    sent = dict(marked["sent"])
    seconds = crowds.marks * _PERIOD + marked["behind"]
    ages = [at - sent[mark_time] for messages in arrivals for mark_time, at in messages if mark_time in sent]
    name = f"{crowds.instruments:,} instruments marked {1 / _PERIOD:.0f} times a second, {_watchers(crowds.valued)}"
    yield Figure(f"{name}: times a second, answered", f"{crowds.marks / seconds:.1f}", "10")
    yield Figure("    begun too late by at most, ms", f"{marked['late'] * 1_000:,.0f}")
    yield Figure("    UpdateMarks p50 / p99, ms", _both(marked["taken"]))
    lags = _lags(marked["sent"], arrivals)
    yield Figure(f"    mark to value at {VALUATION_INTERVAL_MS} ms, p50 / p99, ms", _both(lags), "p99 250")
    yield Figure("    age of a mark as its value comes, p50 / p99, ms", _both(ages))
    shares = ((after[part] - before[part]) / seconds for part in ("all", "loop", "writer"))
    yield Figure("    processors of the server: all / loop / writer", " / ".join(f"{share:.2f}" for share in shares))
