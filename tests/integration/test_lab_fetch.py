"""A venue's public history, fetched by the server from a venue on this machine: pages, faults, kills, what is kept."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars
import pytest

from rollbook import DatasetKind, ErrorReason, FetchProgress, HistoryKind, Lab, errors
from rollbook.models import DroppedRows, FetchedHistory
from tests.support.history_venue import FIRST_BAR, GAP, Fault, HistoryVenue, Request, cut, error, fails, ms, price
from tests.support.server import RunningServer

START, END = datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 7, 1, tzinfo=UTC)
HOURS = (END - FIRST_BAR) // timedelta(hours=1) - (GAP[1] - GAP[0]) // timedelta(hours=1)
PAGES = 5
"""Of 1,000 hours, counted from 1970 on, that START to END touches."""


def flags(venue: HistoryVenue) -> list[str]:
    return ["--deribit-url", venue.url, "--deribit-rate", "500", "--deribit-timeout", "3"]


@pytest.fixture(scope="module")
def running() -> Iterator[HistoryVenue]:
    with HistoryVenue() as venue:
        yield venue


@pytest.fixture(scope="module")
def lab(running: HistoryVenue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("fetch")
    with RunningServer(folder / "ledger.db", *flags(running)) as server, Lab(server.target) as opened:
        yield opened


@pytest.fixture
def venue(running: HistoryVenue) -> HistoryVenue:
    running.asked.clear()
    running.faults.clear()
    return running


def fetch(lab: Lab, series: str, kind: HistoryKind = HistoryKind.BARS, **more: Any) -> FetchedHistory:
    """Of a series of the test's own: what is kept of one is of no other."""
    asked = {"start_time": START, "end_time": END} if kind in (HistoryKind.BARS, HistoryKind.VOLATILITY) else {}
    return lab.fetch_dataset(kind=kind, underlying="BTC", **{"series": series, **asked, **more})


def test_bars_become_a_dataset(lab: Lab, venue: HistoryVenue) -> None:
    """Hourly bars, page by page: what the venue has, with its gaps, without the hour in which nobody traded; the pages
    are Parquet files, and asked again nothing is asked of the venue but what may have changed."""
    told: list[FetchProgress] = []
    until = END - timedelta(hours=5)  # no other test has this content
    fetched = fetch(lab, "", end_time=until, on_progress=told.append)
    dataset = fetched.dataset
    assert dataset is not None
    assert (dataset.kind, dataset.name, dataset.source) == (DatasetKind.BARS, "BTC_USDC", "Deribit BTC_USDC")
    assert (dataset.rows, fetched.rows, dataset.gaps) == (HOURS - 6, HOURS - 6, 2)
    assert dataset.dropped == (DroppedRows(reason="nobody traded in it", rows=1),)
    assert (dataset.first_time, dataset.last_time) == (FIRST_BAR, until - timedelta(hours=1))
    assert [(method, said["instrument_name"], said["resolution"]) for method, said in venue.asked] == [
        ("get_tradingview_chart_data", "BTC_USDC", "60")
    ] * PAGES
    assert [(each.pages_done, each.pages_total) for each in told] == [(done, PAGES) for done in range(PAGES + 1)]
    assert told[-1].reached_time == until
    assert told[-1].rows == sum(len(polars.read_parquet(file)) for file in Path(fetched.path).glob("*.parquet"))
    bar = polars.read_parquet(f"{fetched.path}/*.parquet").row(500, named=True)
    assert (bar["close"], bar["open"]) == (price(ms(bar["time"])), price(ms(bar["time"]) - 3_600_000))
    venue.asked.clear()
    assert fetch(lab, "", end_time=until) == fetched
    assert venue.asked == []
    shorter = fetch(lab, "BTC_USDC", start_time=datetime(2021, 2, 1, tzinfo=UTC), name="winter").dataset
    assert shorter is not None
    assert shorter.name == "winter"
    assert shorter.dataset_id != dataset.dataset_id
    assert venue.asked == []


def test_a_bar_that_is_not_over_is_not_taken(tmp_path: Path) -> None:
    """Neither by our clock nor by the venue's; later it is there, and only its page is asked for again."""
    with (
        HistoryVenue(now=datetime(2021, 6, 30, 21, 30, tzinfo=UTC)) as venue,
        RunningServer(tmp_path / "ledger.db", *flags(venue)) as server,
        Lab(server.target) as lab,
    ):
        first = fetch(lab, "")
        assert first.last_time == datetime(2021, 6, 30, 20, tzinfo=UTC)
        venue.now = None
        venue.asked.clear()
        second = fetch(lab, "")
        assert second.last_time == datetime(2021, 6, 30, 23, tzinfo=UTC)
        assert second.rows == first.rows + 3
        assert len(venue.asked) == 1


def test_the_volatility_index(lab: Lab, venue: HistoryVenue) -> None:
    """DVOL in percent, known an hour after its stamp; of minutes too, with a venue that gives less than a page at once
    and says where to go on."""
    dataset = fetch(lab, "", HistoryKind.VOLATILITY).dataset
    assert dataset is not None
    assert (dataset.kind, dataset.rows, dataset.gaps, dataset.interval_seconds) == (
        DatasetKind.VOLATILITY, (END - FIRST_BAR) // timedelta(hours=1), 0, 3_600,
    )  # fmt: skip
    assert dataset.first_time == FIRST_BAR + timedelta(hours=1)
    whole = dict(zip(("start_time", "end_time"), (FIRST_BAR, FIRST_BAR + timedelta(days=2)), strict=True))
    minutes = fetch(lab, "", HistoryKind.VOLATILITY, interval_seconds=60, **whole).dataset
    assert minutes is not None
    assert minutes.rows == 2 * 24 * 60
    assert {said["currency"] for _, said in venue.asked} == {"BTC"}


def test_an_answer_in_parts(lab: Lab, venue: HistoryVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the venue gives a page in several answers, with a continuation, the page is the same."""
    whole = fetch(lab, "WHOLE", HistoryKind.VOLATILITY).dataset
    assert len(venue.asked) == PAGES
    monkeypatch.setattr("tests.support.history_venue.MOST", 300)
    assert fetch(lab, "PARTS", HistoryKind.VOLATILITY).dataset == whole
    assert len(venue.asked) > 3 * PAGES


def test_delivery_prices_are_kept(lab: Lab, venue: HistoryVenue) -> None:
    """All of them, in whole pages from the oldest on; a day later one page is asked for, and there is one more."""
    fetched = fetch(lab, "", HistoryKind.DELIVERY_PRICES)
    assert fetched.dataset is None
    assert (fetched.rows, fetched.first_time) == (1_203, datetime(2022, 1, 1, 8, tzinfo=UTC))
    assert len(venue.asked) == 4  # how many there are, and three pages
    table = polars.read_parquet(f"{fetched.path}/*.parquet")
    assert table["price"].to_list() == [paid for _, paid in venue.prices]
    venue.asked.clear()
    day, paid = venue.prices[-1]
    venue.prices.append((day + timedelta(days=1), paid + 100.5))
    again = fetch(lab, "", HistoryKind.DELIVERY_PRICES)
    assert (again.rows, len(venue.asked)) == (1_204, 2)
    assert polars.read_parquet(f"{again.path}/*.parquet")["price"].to_list()[-1] == paid + 100.5


def test_instruments_are_kept(lab: Lab, venue: HistoryVenue) -> None:
    """Those that are listed and those that have expired, as Parquet."""
    fetched = fetch(lab, "", HistoryKind.INSTRUMENTS)
    table = polars.read_parquet(f"{fetched.path}/*.parquet").sort("instrument_name")
    assert table["instrument_name"].to_list() == ["BTC-25MAR22-50000-P", "BTC-31DEC21-40000-C"]
    assert table["strike"].to_list() == [50_000.0, 40_000.0]
    assert (fetched.rows, fetched.dataset) == (2, None)


def silent(request: Request) -> None:
    """Never answers; the other side gives up first."""
    threading.Event().wait(20)


def test_what_passes_is_tried_again(lab: Lab, venue: HistoryVenue) -> None:
    """Too many requests, errors of the server, maintenance, connections that are cut or silent: the same request once
    more, and the caller hears why."""
    told: list[FetchProgress] = []
    venue.faults = [None, fails(429), error(10028, 429), error(10028), None]
    venue.faults += [fails(503), fails(500, b'{"error":'), error(11051), None, cut, silent, None]
    fetched = fetch(lab, "PASSING", on_progress=told.append)
    assert fetched.rows == HOURS - 1
    starts = [said["start_timestamp"] for _, said in venue.asked]
    assert [starts.count(start) for start in sorted(set(starts))] == [1, 4, 4, 3, 1]
    waited = [each.waiting_for for each in told if each.waiting_for]
    assert waited[:5] == [
        "HTTP status 429", "HTTP status 429", "error 10028: said so", "HTTP status 503", "HTTP status 500",
    ]  # fmt: skip
    assert waited[5] == "error 11051: said so"
    assert "cut" in waited[6]
    assert "timed out" in waited[7]


def _answers(result: Any) -> Fault:
    return lambda request: request.give(result)


def _changed(**changes: Any) -> Fault:
    return lambda request: request.give({**request.of.result(request.method, request.said), **changes})


BAD = [
    (fails(302, Location="http://127.0.0.1:9/"), ErrorReason.VENUE_REFUSED, "another address"),
    (fails(404), ErrorReason.VENUE_REFUSED, "HTTP status 404"),
    (error(13020), ErrorReason.VENUE_REFUSED, "error 13020: said so"),
    (fails(200, b"<html>welcome</html>"), ErrorReason.VENUE_ANSWER_UNKNOWN, "no JSON"),
    (fails(200, []), ErrorReason.VENUE_ANSWER_UNKNOWN, "no JSON object"),
    (fails(200, b'{"result": NaN}'), ErrorReason.VENUE_ANSWER_UNKNOWN, "NaN is no number"),
    (fails(200, {"id": 1}), ErrorReason.VENUE_ANSWER_UNKNOWN, "it has no result"),
    (_answers([]), ErrorReason.VENUE_ANSWER_UNKNOWN, "there is no status"),
    (_changed(status="perhaps"), ErrorReason.VENUE_ANSWER_UNKNOWN, "status is 'perhaps'"),
    (_changed(close=[1.5]), ErrorReason.VENUE_ANSWER_UNKNOWN, "ticks, and 1 of close"),
    (_changed(ticks=["soon"]), ErrorReason.VENUE_ANSWER_UNKNOWN, "in ticks there is 'soon'"),
    (_changed(ticks=[2, 1]), ErrorReason.VENUE_ANSWER_UNKNOWN, "not in order"),
    (_changed(volume=None), ErrorReason.VENUE_ANSWER_UNKNOWN, "volume is no list"),
]


def test_what_is_not_understood_ends_it(lab: Lab, venue: HistoryVenue) -> None:
    """Another form than the known one, a refusal, a redirect: an error at once that says so, nothing of that answer is
    kept, what came before is; and the next fetch goes on there."""
    begin = datetime(2021, 2, 1, tzinfo=UTC)
    fetch(lab, "UNKNOWN", start_time=begin, end_time=datetime(2021, 3, 20, tzinfo=UTC))
    pages = len(venue.asked)
    for fault, reason, said in BAD:
        venue.asked.clear()
        venue.faults = [fault]
        told: list[FetchProgress] = []
        with pytest.raises(errors.FailedPrecondition, match=said) as refused:
            fetch(lab, "UNKNOWN", start_time=begin, on_progress=told.append)
        assert refused.value.reason == reason.value
        assert [each.pages_done for each in told] == [pages]
        assert len(venue.asked) == 1
    assert fetch(lab, "UNKNOWN", start_time=begin) == fetch(lab, "UNKNOWN", start_time=begin)
    assert len(venue.asked) == 1 + PAGES - pages


def test_a_venue_that_is_gone(lab: Lab, venue: HistoryVenue) -> None:
    """After some attempts it is told, with what is kept; when the venue is back, the fetch goes on."""
    venue.faults = [None, None, None, *([fails(503)] * 8)]
    with pytest.raises(errors.Unavailable, match="HTTP status 503; 3 of 5 pages are kept") as gone:
        fetch(lab, "GONE")
    assert gone.value.reason == "VENUE_UNAVAILABLE"
    venue.asked.clear()
    assert fetch(lab, "GONE").rows == HOURS - 1
    assert len(venue.asked) == 2


def test_kills_change_nothing(lab: Lab, tmp_path: Path) -> None:
    """kill -9 of the server in the middle of a fetch, of its worker, and a caller that goes away: in the end there is
    the content that an undisturbed fetch gives, and no page that was there is fetched again."""
    alone = fetch(lab, "ALONE").dataset
    with HistoryVenue() as venue, RunningServer(tmp_path / "ledger.db", *flags(venue)) as server:
        failures: list[type[errors.LedgerError]] = []
        for end in (server.kill, None, lambda: _kill_worker(server)):
            held, release = threading.Event(), threading.Event()
            venue.faults = [None, _holding(held, release)]
            caller = Lab(server.target)
            caller.open()
            asking = threading.Thread(target=_ask, args=(caller, failures))
            asking.start()
            assert held.wait(60)
            (end or caller.close)()
            release.set()
            if end == server.kill:
                asking.join(60)
                server.start()
            asking.join(60)
            assert not asking.is_alive()
            caller.close()
        with Lab(server.target) as last:
            dataset = fetch(last, "KILLED").dataset
        assert failures[0] is errors.Unavailable
    assert alone is not None
    assert dataset is not None
    assert (dataset.content_hash, dataset.dataset_id) == (alone.content_hash, alone.dataset_id)
    starts = [said["start_timestamp"] for _, said in venue.asked]
    assert len(set(starts)) == PAGES
    assert len(starts) <= PAGES + 3


def _holding(held: threading.Event, release: threading.Event) -> Fault:
    """Has the answer wait until somebody was killed."""

    def hold(request: Request) -> None:
        held.set()
        release.wait(60)

    return hold


def _ask(lab: Lab, failures: list[type[errors.LedgerError]]) -> None:
    try:
        fetch(lab, "KILLED")
    except errors.LedgerError as error:
        failures.append(type(error))


def _kill_worker(server: RunningServer) -> None:
    started = [json.loads(line) for line in list(server.lines) if '"worker_started"' in line]
    os.kill(next(each["pid"] for each in reversed(started) if each["work"] == "fetch"), signal.SIGKILL)


def test_what_makes_no_sense_is_refused(lab: Lab, venue: HistoryVenue) -> None:
    """With the field, before the venue is asked."""
    for asked, reason, field in (
        ({"start_time": None}, "MISSING_FIELD", "start_time"),
        ({"start_time": END, "end_time": START}, "OUT_OF_BOUNDS", "start_time"),
        ({"interval_seconds": 86_400}, "OUT_OF_BOUNDS", "interval_seconds"),
        ({"series": "../../etc"}, "MALFORMED_TEXT", "series"),
        ({"series": ".."}, "MALFORMED_TEXT", "series"),
        ({"kind": HistoryKind.UNSPECIFIED}, "UNSPECIFIED_VALUE", "kind"),
        ({"kind": HistoryKind.INSTRUMENTS, "start_time": START}, "CONTRADICTION", "start_time"),
        ({"interval_seconds": 60, "start_time": datetime(1971, 1, 1, tzinfo=UTC)}, "OUT_OF_BOUNDS", "start_time"),
    ):
        said: dict[str, Any] = {"series": "NONE", "kind": HistoryKind.BARS, **asked}
        with pytest.raises(errors.InvalidArgument) as refused:
            fetch(lab, said.pop("series"), **said)
        assert (refused.value.reason, refused.value.field) == (reason, field)
    assert venue.asked == []


def test_nothing_in_that_time(lab: Lab) -> None:
    """Before the venue's first bar there is nothing, and it says so."""
    with pytest.raises(errors.NotFound) as refused:
        fetch(lab, "EARLY", start_time=datetime(2019, 1, 1, tzinfo=UTC), end_time=datetime(2019, 2, 1, tzinfo=UTC))
    assert refused.value.reason == "HISTORY_NOT_FOUND"
