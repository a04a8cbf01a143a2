"""Positions over HTTP: what is answered is what the ledger holds, digit for digit, under the keys of old."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

import rollbook
from rollbook import AsyncClient, ChainState, Mode
from rollbook.payloads import closed_payload, open_payload
from tests.support.cases import Case
from tests.support.golden import GOLDEN
from tests.support.server import RunningServer
from tests.support.trading import FAR_CALL, Trader, bought, mark, new_account, sold

HELD = (ChainState.OPEN, ChainState.FLAT)
TEXT, NONE = str, type(None)

OPEN_KEYS: dict[str, Any] = {
    "position_id": TEXT,
    "underlying": TEXT,
    "symbol": TEXT,
    "option_type": TEXT,
    "strategy_type": TEXT,
    "side": TEXT,
    "quantity": float,
    "entry_price": float,
    "mark_price": float,
    "unrealized_pnl": float,
    "unrealized_pnl_pct": float,
    "entry_time": TEXT,
    "expiry": TEXT,
    "dte": float,
    "num_rolls": int,
    "mode": TEXT,
    "exit_style": TEXT,
}
CLOSED_KEYS: dict[str, Any] = {
    "position_id": TEXT,
    "underlying": TEXT,
    "symbol": TEXT,
    "option_type": TEXT,
    "strategy_type": TEXT,
    "open_time": TEXT,
    "close_time": TEXT,
    "holding_days": float,
    "num_legs": int,
    "num_rolls": int,
    "realized_pnl": float,
    "realized_pnl_pct": float,
    "max_drawdown_pct": (float, NONE),
    "mode": TEXT,
    "exit_style": TEXT,
    "note": TEXT,
}


async def listed(client: AsyncClient, account: str, *states: ChainState) -> rollbook.ListChainsResponse:
    return await client.list_chains(account=account, states=states, page_size=500)


@pytest.mark.parametrize(
    "case", [case for case in GOLDEN if "error" not in case["expect"]], ids=lambda case: case["name"]
)
async def test_worked_case(case: dict[str, Any], server: RunningServer, http: httpx.AsyncClient) -> None:
    """Open and closed positions and each chain are the ledger's own figures, which are those of the worked case."""
    async with AsyncClient(server.target) as client:
        run = Case(client, new_account())
        for step in case["steps"]:
            await run.do(step)
        held, over = await listed(client, run.account, *HELD), await listed(client, run.account, ChainState.CLOSED)
        now = (await client.get_server_status()).clock_time
        assert now is not None
        answer = (await http.get("/api/positions/open", params={"account": run.account})).json()
        made = open_payload(held.chains, held.valuations, now)
        # Another worker's trade may have moved the clock of events: the days to expiry are theirs.
        assert [{**row, "dte": 0} for row in answer["positions"]] == [{**row, "dte": 0} for row in made["positions"]]
        assert (answer["totals"], answer["totals_dry_run"]) == (made["totals"], made["totals_dry_run"])
        answer = (await http.get("/api/positions/closed", params={"account": run.account})).json()
        assert {name: answer[name] for name in ("chains", "totals", "totals_dry_run")} == closed_payload(
            over.chains, over.valuations
        )
        expected = dict(case["expect"])
        named = expected.pop("chains", {})
        for position_id, figures in ((run.last, expected), *((run.positions[name], named[name]) for name in named)):
            if figures:
                await looked_at(http, run.account, position_id, figures)


async def looked_at(http: httpx.AsyncClient, account: str, position_id: str, figures: dict[str, Any]) -> None:
    """The figures of a worked case in what is answered of a chain."""
    answer = (await http.get(f"/api/chains/{position_id}", params={"account": account})).json()
    for name, wanted in figures.items():
        if name in ("payoff", "delivery_fee"):
            said: Any = sum((Decimal(leg[name] or 0) for leg in answer["chain"]["legs"]), Decimal(0))
        elif name in ("option_type", "entry_price"):
            leg = answer["chain"]["legs"][0]
            said = leg["instrument"]["option_type"] if name == "option_type" else leg["entry_price"]
        else:
            said = answer["chain"].get(name, (answer["valuation"] or {}).get(name))
        if wanted is None or isinstance(wanted, bool | int):
            assert said == wanted, name
        else:
            assert said == wanted or Decimal(said) == Decimal(wanted), name


async def test_the_keys_of_old(trader: Trader, http: httpx.AsyncClient) -> None:
    """The rows begin with the old tracker's keys in their order, of the old types; money beside them is exact text."""
    await trader.open(sold("1", "0.05", FAR_CALL, fee="0.0003"), position_id="held", exit_style="tp")
    await trader.open(sold("1", "0.05", FAR_CALL, fee="0.0003"), position_id="over", exit_style="tp")
    await trader.close("over", bought("1", "0.02", FAR_CALL, fee="0.0003"))
    await trader.client.update_marks([mark(FAR_CALL, "0.01")], mode=Mode.LIVE)
    where = {"account": trader.account}
    answer = (await http.get("/api/positions/open", params=where)).json()
    assert set(answer) == {"positions", "totals", "totals_dry_run", "revision", "next_page_token"}
    (row,) = answer["positions"]
    assert list(row)[: len(OPEN_KEYS)] == list(OPEN_KEYS)
    assert [name for name, kind in OPEN_KEYS.items() if not isinstance(row[name], kind)] == []
    assert (row["unrealized_pnl_native"], row["open_credit"], row["fees"]) == ("0.04", "0.05", "0.0003")
    assert isinstance(answer["totals"]["positions_count"], int)
    assert isinstance(answer["totals"]["unrealized_pnl"], float)
    assert isinstance(answer["totals"]["unrealized_pnl_pct"], float)
    answer = (await http.get("/api/positions/closed", params=where)).json()
    assert set(answer) == {"chains", "totals", "totals_dry_run", "revision", "next_page_token"}
    (row,) = answer["chains"]
    assert list(row)[: len(CLOSED_KEYS)] == list(CLOSED_KEYS)
    assert [name for name, kind in CLOSED_KEYS.items() if not isinstance(row[name], kind)] == []
    assert (row["net_pnl"], row["fees"]) == ("0.0294", "0.0006")
    assert isinstance(answer["totals"]["chains_count"], int)
    assert isinstance(answer["totals"]["realized_pnl"], float)


async def test_the_other_listings_have_each_field(trader: Trader, http: httpx.AsyncClient) -> None:
    """Chain, entries and refusals have every field of the API under its name: what is unset is null, a Decimal is text,
    a time ends in Z, an enum is its word."""
    await trader.open(sold("1", "0.05", FAR_CALL, fee="0.0003"), position_id="one")
    with pytest.raises(rollbook.FailedPrecondition):
        await trader.close("one", bought("2", "0.02", FAR_CALL))
    where = {"account": trader.account}
    answer = (await http.get("/api/chains/one", params=where)).json()
    assert list(answer) == ["revision", "chain", "lines", "entries", "valuation"]
    chain = answer["chain"]
    assert chain["net_cash"] == "0.0497"
    assert (chain["mode"], chain["close_reason"], chain["close_time"]) == ("LIVE", None, None)
    assert chain["open_time"] == "2025-06-02T09:00:00Z"
    assert chain["legs"][0]["instrument"]["strike"] == "100000"
    answer = (await http.get("/api/entries", params=where)).json()
    assert list(answer) == ["revision", "entries", "next_page_token"]
    (entry,) = answer["entries"]
    assert entry["execution"]["execution"]["fills"][0]["price"] == "0.05"
    assert (entry["fills"], entry["settlement"], type(entry["revision"])) == (None, None, int)
    answer = (await http.get("/api/refused", params=where)).json()
    (refused,) = answer["refusals"]
    assert refused["refusal"]["reason"] == "CLOSES_MORE_THAN_OPEN"
    assert (refused["attempts"], type(answer["revision"])) == (1, int)
    answer = (await http.get("/health")).json()
    assert (answer["status"], type(answer["server"]["revision"])) == ("ok", int)


async def test_filters_and_pages(trader: Trader, http: httpx.AsyncClient) -> None:
    """A page has so many rows and names the next one; without pages all are there. Filters are the ledger's."""
    for number in range(5):
        await trader.open(sold("1", "0.05", FAR_CALL), position_id=f"p{number}")
    where: dict[str, Any] = {"account": trader.account, "page_size": 2}
    seen: list[str] = []
    while True:
        answer = (await http.get("/api/positions/open", params=where)).json()
        seen += [row["position_id"] for row in answer["positions"]]
        assert answer["totals"]["positions_count"] == len(answer["positions"]) <= 2
        if answer["next_page_token"] is None:
            break
        where["page_token"] = answer["next_page_token"]
    assert seen == ["p4", "p3", "p2", "p1", "p0"]
    del where["page_size"], where["page_token"]
    for more, count in (
        ({}, 5),
        ({"mode": "DRY_RUN"}, 0),
        ({"mode": "LIVE", "underlying": "BTC", "strategy": "COVERED_CALL"}, 5),
        ({"underlying": "ETH"}, 0),
        ({"opened_from_time": "2025-06-03"}, 0),
        ({"opened_before_time": "2025-06-03T00:00:00+00:00"}, 5),
    ):
        answer = (await http.get("/api/positions/open", params={**where, **more})).json()
        assert len(answer["positions"]) == count, more


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("acount=main", "acount"),
        ("mode=LIVE&mode=DRY_RUN", "mode"),
        ("mode=live", "mode"),
        ("mode=UNSPECIFIED", "mode"),
        ("mode=", "mode"),
        ("page_size=0", "page_size"),
        ("page_size=501", "page_size"),
        ("page_size=x", "page_size"),
        ("page_token=nonsense", "page_token"),
        ("opened_from_time=1748822400", "opened_from_time"),
        ("account=NO%20account", "account"),
    ],
)
async def test_a_question_that_makes_no_sense_names_its_field(query: str, field: str, http: httpx.AsyncClient) -> None:
    """Nothing is guessed or passed over: the answer is a problem with the parameter at fault."""
    answer = await http.get(f"/api/positions/open?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert answer.json()["reason"]


async def test_every_endpoint_refuses_what_it_does_not_know(http: httpx.AsyncClient) -> None:
    """A misspelt parameter is told everywhere: what /openapi.json names is all there is."""
    document = (await http.get("/openapi.json")).json()
    asked = 0
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            where = path.replace("{position_id}", "x").replace("{backtest_id}", "x")
            required = {
                each["name"]: "x"
                for each in described.get("parameters", [])
                if each["in"] == "query" and each["required"]
            }
            answer = await http.request(method.upper(), where, params={**required, "nonsense": "1"})
            assert answer.status_code == 400, (method, path, answer.text)
            assert [each["field"] for each in answer.json()["errors"]] == ["nonsense"]
            asked += 1
            assert "422" not in described["responses"]
            assert "application/problem+json" in described["responses"]["default"]["content"]
    assert asked > 15


async def test_what_is_not_there(http: httpx.AsyncClient) -> None:
    """A path or method that the API does not have, and a chain that the ledger does not have, are problems."""
    for method, path in (("GET", "/api/nonsense"), ("POST", "/api/positions/open"), ("PUT", "/api/backtest/status")):
        answer = await http.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
    answer = await http.get("/api/chains/nobody", params={"account": "main"})
    assert (answer.status_code, answer.json()["reason"]) == (404, "POSITION_NOT_FOUND")


async def test_the_page_is_told_by_the_same_figures(trader: Trader, http: httpx.AsyncClient) -> None:
    """Defect 18: whoever asks the page sees what the ledger says at that moment, and no number of its own."""
    await trader.open(sold("1", "0.05", FAR_CALL), position_id="x")
    for minute, price in enumerate(("0.04", "0.03", "0.0155")):
        time = datetime(2025, 6, 5, 9, minute, tzinfo=UTC)
        await trader.client.update_marks([mark(FAR_CALL, price, time=time)], mode=Mode.LIVE, account=trader.account)
        value = (await trader.client.get_chain("x")).valuation
        assert value is not None
        (row,) = (await http.get("/api/positions/open", params={"account": trader.account})).json()["positions"]
        assert (row["mark_price"], row["legs"][0]["mark_price"]) == (float(price), price)
        assert Decimal(row["unrealized_pnl_native"]) == value.unrealized_pnl == Decimal("0.05") - Decimal(price)
