"""The form of a backtest: its fields, what it says of blanks, what it reads, and where a refusal is shown."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from rollbook import BacktestSpec, Dataset, DatasetKind, InvalidArgument, StrategyKind, specs
from rollbook_server.domain import executions, instruments
from rollbook_server.domain.backtest import spec as server_spec
from rollbook_server.domain.clock import SECOND, micros
from rollbook_web.pages import lab_fields, lab_form
from rollbook_web.pages.lab_fields import FIELDS, usual

HOUR = 3600
BARS = Dataset(
    dataset_id="bars-1",
    name="synthetic-btc",
    kind=DatasetKind.BARS,
    underlying="BTC",
    rows=48,
    first_time=datetime(2021, 1, 1, tzinfo=UTC),
    last_time=datetime(2021, 1, 2, 23, tzinfo=UTC),
    interval_seconds=HOUR,
    synthetic=True,
)
SAID = {
    "name": "calls",
    "underlying": "BTC",
    "strategy": "COVERED_CALL",
    "style": "INVERSE",
    "data.spot_dataset_id": "bars-1",
    "selection.target_delta": "0.25",
    "volatility.allow_short_dated": "true",
    "start_time": "2021-01-01",
    "max_open_chains": "2",
}


def test_the_form_asks_for_every_field_of_a_spec() -> None:
    """No field of BacktestSpec is out of reach, and none is asked for that is not there."""
    assert sorted(FIELDS) == sorted(set(lab_fields.paths_of()) - {"schema_version"})


def test_what_a_form_says_becomes_a_spec_and_comes_back() -> None:
    """Texts become a spec with the values they say, and a spec fills a form that says the same."""
    spec, wrong = lab_form.read(SAID)
    assert wrong == {}
    assert (spec.strategy, spec.selection and spec.selection.target_delta) == (StrategyKind.COVERED_CALL, 0.25)
    assert spec.volatility is not None
    assert spec.volatility.allow_short_dated
    assert spec.start_time == datetime(2021, 1, 1, tzinfo=UTC)
    assert lab_form.said_by(spec) == SAID
    assert lab_form.read(lab_form.said_by(spec)) == (spec, {})


def test_all_that_cannot_be_read_is_said_at_once() -> None:
    """A needed field that is blank and each text of a wrong type have a sentence, all in one go; the rest is read."""
    spec, wrong = lab_form.read(
        {**SAID, "style": "", "quantity": "a lot", "selection.max_delta": "0,3", "start_time": "soon", "seed": "-1"}
    )
    assert sorted(wrong) == ["quantity", "seed", "selection.max_delta", "start_time", "style"]
    assert wrong["quantity"] == "a number is needed, and this is the text 'a lot'"
    assert spec.max_open_chains == 2


def test_a_refusal_finds_its_field() -> None:
    """The server's field is the form's; a refusal without one is the whole form's."""
    refusal = InvalidArgument("0.9 is too much", field="spec.selection.max_delta")
    assert lab_form.refused(refusal) == ("selection.max_delta", "0.9 is too much")
    assert lab_form.refused(InvalidArgument("no", field="request_id")) == ("", "no")


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
@pytest.mark.parametrize("preset", ["", "ultra-safe", "aggressive"])
@pytest.mark.parametrize("exit_style", ["", "HOLD_TO_EXPIRY"])
@pytest.mark.parametrize("index", ["", "index-1"])
def test_what_the_form_says_of_blanks_is_what_the_server_makes_of_them(
    coin: str, preset: str, exit_style: str, index: str
) -> None:
    """Each value that stands in a blank field is the one that the server fills in."""
    said = {"underlying": coin, "preset": preset, "exit_style": exit_style, "data.volatility_dataset_id": index}
    facts = {"bars-1": _facts("BARS", coin), "index-1": _facts("VOLATILITY", coin)}
    given = server_spec.BacktestSpec(
        underlying=coin,
        preset=preset,
        strategy=executions.StrategyKind.COVERED_CALL,
        style=instruments.ContractStyle.INVERSE,
        exit_style=server_spec.ExitStyle(exit_style) if exit_style else None,
        data=server_spec.DataSpec(spot_dataset_id="bars-1", volatility_dataset_id=index),
    )
    resolved = server_spec.resolve(given, facts)
    shown = {
        path: text
        for path, text in usual(said, dataclasses.replace(BARS, underlying=coin)).items()
        if not said.get(path)
    }
    for path, text in shown.items():
        value: object = resolved
        for name in path.split("."):
            value = getattr(value, name)
        if path.endswith("_time"):
            assert micros(datetime.fromisoformat(text).replace(tzinfo=UTC)) == value, path
        elif isinstance(value, int | float):
            assert float(text) == value, path
        else:
            assert text == value, path
    assert {path for path in FIELDS if path not in shown and _at(resolved, path) not in (None, "", False)} <= {
        *("underlying", "strategy", "style", "preset", "exit_style", "data.spot_dataset_id"),
        "data.volatility_dataset_id",
    }


def test_of_values_that_hang_together_nothing_is_said_once_one_is_given() -> None:
    """A least delta that is given may move the greatest: what the form cannot know it does not say."""
    shown = usual({"selection.min_delta": "0.4"})
    assert "selection.max_delta" not in shown
    assert shown["selection.max_dte_days"] == "14"


def test_the_presets_of_the_form_are_the_servers() -> None:
    """Names and figures."""
    assert list(lab_fields.DELTAS) == list(server_spec.PRESETS)
    assert server_spec.DEFAULT_PRESET == lab_fields.PRESET


def test_the_form_begins_with_the_newest_bars_and_an_index_that_covers_them() -> None:
    """Data that fits together: no index that ends earlier, and none of a real market beside made-up bars."""
    index = dataclasses.replace(BARS, dataset_id="index-1", kind=DatasetKind.VOLATILITY)
    short = dataclasses.replace(index, dataset_id="index-2", last_time=datetime(2020, 12, 31, tzinfo=UTC))
    real = dataclasses.replace(index, dataset_id="index-3", synthetic=False)
    late = dataclasses.replace(index, dataset_id="index-4", first_time=datetime(2021, 1, 2, tzinfo=UTC))
    older = dataclasses.replace(BARS, dataset_id="bars-0")
    ether = dataclasses.replace(BARS, dataset_id="bars-eth", underlying="ETH")
    found = lab_form.preferred([ether, real, late, short, BARS, index, older], "BTC")
    assert found["data.spot_dataset_id"] == "bars-1"
    assert found["data.volatility_dataset_id"] == "index-1"
    assert found["data.quotes_dataset_id"] == ""
    assert lab_form.described(BARS) == "synthetic-btc, 2021-01-01 to 2021-01-02, hourly"


def test_a_spec_of_a_run_fills_the_whole_form() -> None:
    """What a run shows of itself is read again as the same spec."""
    spec = specs.parse('{"underlying": "ETH", "strategy": "CASH_SECURED_PUT", "style": "LINEAR", "quantity": 0.1}')
    assert lab_form.read(lab_form.said_by(spec))[0] == spec
    assert BacktestSpec() == lab_form.read({})[0]


def _facts(kind: str, coin: str) -> server_spec.DatasetFacts:
    assert BARS.first_time is not None
    assert BARS.last_time is not None
    return server_spec.DatasetFacts(
        kind=kind,
        underlying=coin,
        quote_currency="USD",
        first_time=micros(BARS.first_time),
        last_time=micros(BARS.last_time),
        interval=HOUR * SECOND,
    )


def _at(spec: object, path: str) -> object:
    for name in path.split("."):
        spec = getattr(spec, name)
    return spec
