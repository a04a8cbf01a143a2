"""Specs of backtests are read strictly, from YAML and from JSON, and written so that they are read again."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook import (
    BacktestSpec,
    ContractStyle,
    DataSpec,
    ExitSpec,
    ExitStyle,
    FillSpec,
    Scoring,
    SelectionSpec,
    StrategyKind,
    specs,
)

SPEC = BacktestSpec(
    name="BTC calls",
    underlying="BTC",
    start_time=datetime(2021, 4, 1, tzinfo=UTC),
    end_time=datetime(2022, 4, 1, 9, 30, tzinfo=UTC),
    strategy=StrategyKind.COVERED_CALL,
    style=ContractStyle.INVERSE,
    exit_style=ExitStyle.TP_AND_ROLL,
    decision_interval_hours=24,
    selection=SelectionSpec(target_delta=0.2, scoring=Scoring.NEAREST_DELTA),
    exits=ExitSpec(max_debit=0.0, max_rolls=3),
    fills=FillSpec(without_ticks=True),
    quantity=1.5,
    data=DataSpec(spot_dataset_id="btc-bars-1"),
    seed=18446744073709551615,
)
JSON = """
{"name": "BTC calls", "underlying": "BTC", "start_time": "2021-04-01", "end_time": "2022-04-01T11:30:00+02:00",
 "strategy": "COVERED_CALL", "style": "CONTRACT_STYLE_INVERSE", "exit_style": "tp-and-roll",
 "decision_interval_hours": 24, "selection": {"target_delta": 0.2, "scoring": "nearest_delta", "min_score": null},
 "exits": {"max_debit": 0, "max_rolls": 3}, "fills": {"without_ticks": true}, "quantity": 1.5, "volatility": null,
 "data": {"spot_dataset_id": "btc-bars-1"}, "seed": 18446744073709551615}
"""
YAML = """
# What people write
name: BTC calls
underlying: BTC
start_time: 2021-04-01
end_time: 2022-04-01 09:30
strategy: COVERED_CALL
style: INVERSE
exit_style: TP_AND_ROLL
decision_interval_hours: 24
selection:
  target_delta: .2
  scoring: NEAREST_DELTA
exits: {max_debit: 0e-3, max_rolls: 3}
fills: {without_ticks: true}
quantity: 1.5
volatility:
data:
  spot_dataset_id: btc-bars-1
seed: 18446744073709551615
"""


@pytest.fixture
def yaml() -> None:
    pytest.importorskip("yaml", reason="the extra rollbook[cli] is not in this environment")


def test_json_is_read() -> None:
    """Names of the protos; enums without prefix or with it; a day is its midnight in UTC; null is left out."""
    assert specs.parse(JSON) == SPEC


def test_yaml_is_read(yaml: None) -> None:
    """YAML says the same, in the words of YAML."""
    assert specs.parse(YAML) == SPEC


def test_a_file_is_read(tmp_path: Path) -> None:
    """A file holds one or the other; one that is not there is an OSError."""
    file = tmp_path / "spec.json"
    file.write_text(JSON, encoding="utf-8")
    assert specs.load(file) == specs.load(str(file)) == SPEC
    with pytest.raises(OSError, match="No such file"):
        specs.load(tmp_path / "other.json")
    file.write_bytes(b"\xff")
    with pytest.raises(specs.SpecError, match="no UTF-8"):
        specs.load(file)


def test_plain_values_are_read() -> None:
    """Nested mappings with times and members of the enums are a spec, too; a naive time is UTC."""
    said = {"start_time": datetime(2021, 4, 1, tzinfo=UTC).date(), "style": ContractStyle.LINEAR, "quantity": 1}
    read = specs.from_mapping(said)
    assert (read.start_time, read.style, read.quantity) == (SPEC.start_time, ContractStyle.LINEAR, 1.0)
    assert specs.from_mapping({"end_time": datetime(2021, 4, 1)}).end_time == SPEC.start_time  # noqa: DTZ001


def test_json_is_written_as_it_is_read() -> None:
    """What is set is written, what is not is left out."""
    assert specs.parse(specs.to_json(SPEC)) == SPEC
    assert json.loads(specs.to_json(SPEC)) == specs.to_mapping(SPEC)
    assert specs.to_mapping(BacktestSpec(quantity=0.0, strategy=StrategyKind.OTHER)) == {
        "strategy": "OTHER",
        "quantity": 0.0,
    }


def test_yaml_is_written_as_it_is_read(yaml: None) -> None:
    """Also texts that YAML would take for something else."""
    written = specs.to_yaml(SPEC)
    assert specs.parse(written) == SPEC
    assert "start_time: 2021-04-01\nend_time: 2022-04-01T09:30:00Z\n" in written
    for name in ("no", "2021", "1e-3", "null", "~", "2021-04-01", "a: b", "{", "ü", "- x", "1_000", "0x10", "1:30"):
        spec = dataclasses.replace(SPEC, name=name)
        assert specs.parse(specs.to_yaml(spec)) == spec


fractions = st.none() | st.floats(allow_nan=False, allow_infinity=False)
instants = st.datetimes(
    min_value=datetime(1000, 1, 2),  # noqa: DTZ001
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7))]),
)


@given(
    st.builds(
        BacktestSpec,
        name=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])),
        start_time=st.none() | instants,
        style=st.sampled_from([each for each in ContractStyle if each != "UNRECOGNIZED"]),
        max_open_chains=st.none() | st.integers(-(2**31), 2**31 - 1),
        selection=st.none() | st.builds(SelectionSpec, target_delta=fractions, min_score=fractions),
        exits=st.none() | st.builds(ExitSpec, stop=fractions, max_rolls=st.none() | st.integers(0, 9)),
        quantity=fractions,
        seed=st.integers(0, 2**64 - 1),
    )
)
def test_any_spec_goes_there_and_back(spec: BacktestSpec) -> None:
    """Whatever a spec holds, it is the same after it was written and read."""
    assert specs.parse(specs.to_json(spec)) == spec


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"quantitty": 1}, "quantitty", "there is no such field; there are schema_version, name, "),
    ({"selection": {"delta": 0.2}}, "selection.delta", "there is no such field; there are min_dte_days, "),
    ({"quantity": "1"}, "quantity", "a number is needed, and this is the text '1'"),
    ({"quantity": True}, "quantity", "a number is needed, and this is true"),
    ({"selection": {"min_delta": [0.1]}}, "selection.min_delta", "a number is needed, and this is a list"),
    ({"max_open_chains": 1.5}, "max_open_chains", "a whole number is needed, and this is 1.5"),
    ({"max_open_chains": 2**31}, "max_open_chains", "2147483648 is out of range"),
    ({"seed": -1}, "seed", "-1 is out of range"),
    ({"name": 2021}, "name", "a text is needed, and this is 2021"),
    ({"fills": {"without_ticks": "yes"}}, "fills.without_ticks", "true or false is needed"),
    ({"style": "QUANTO"}, "style", "INVERSE or LINEAR is needed, and this is the text 'QUANTO'"),
    ({"style": "UNRECOGNIZED"}, "style", "INVERSE or LINEAR is needed"),
    ({"style": 1}, "style", "INVERSE or LINEAR is needed, and this is 1"),
    ({"start_time": "1 April"}, "start_time", "a time is needed (2021-04-01 or 2021-04-01T09:00:00Z)"),
    ({"start_time": 2021}, "start_time", "a time is needed"),
    ({"selection": 0.2}, "selection", "fields with their values are needed, and this is 0.2"),
]


@pytest.mark.parametrize(("said", "path", "sentence"), REFUSED, ids=[path for _, path, _ in REFUSED])
def test_what_is_wrong_is_named(said: dict[str, Any], path: str, sentence: str) -> None:
    """An unknown field or a wrong type is an error that says where, and what is needed."""
    with pytest.raises(specs.SpecError) as raised:
        specs.parse(json.dumps(said))
    assert raised.value.path == path
    assert str(raised.value).startswith(f"{path}: {sentence}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"seed": 1, "seed": 2}', "seed: this field is said twice"),
        ('{"seed": ', "this is no JSON: "),
        ('{"quantity": NaN}', "quantity: a number is needed, and this is nan"),
    ],
)
def test_what_is_no_json(text: str, sentence: str) -> None:
    """Nothing is guessed, and nothing lost."""
    with pytest.raises(specs.SpecError) as raised:
        specs.parse(text)
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed: 1\nname: x\nseed: 2", "seed: this field is said twice, again in line 3"),
        ("exits: {stop: 2, stop: 3}", "stop: this field is said twice"),
        ("name: a: b", "this is no YAML: "),
        ("quantity: .inf", "quantity: a number is needed, and this is inf"),
        ("fills: {without_ticks: yes}", "fills.without_ticks: true or false is needed, and this is the text 'yes'"),
        ("- name", "fields with their values are needed, and this is a list"),
        ("", "fields with their values are needed, and this is empty"),
        ("name: !!python/object/apply:os.getcwd []", "this is no YAML: "),
    ],
)
def test_what_is_no_yaml(text: str, sentence: str, yaml: None) -> None:
    """Nothing is guessed, nothing lost, and nothing run."""
    with pytest.raises(specs.SpecError) as raised:
        specs.parse(text)
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("name", "2021", "2021"),
        ("quantity", "0.5", 0.5),
        ("max_open_chains", "3", 3),
        ("strategy", "cash_secured_put", StrategyKind.CASH_SECURED_PUT),
        ("end_time", "2021-04-01", SPEC.start_time),
        ("fills.without_ticks", "false", False),
        ("selection.target_delta", "0.25", 0.25),
        ("volatility.level", "0.6", 0.6),
        ("exits.max_rolls", "", None),
        ("exits", "", None),
    ],
)
def test_one_field_is_changed(path: str, text: str, expected: Any) -> None:
    """A field is set as a text says it, by its own type, and unset by nothing; all others stay."""
    value: Any = specs.changed(SPEC, path, text)
    for name in path.split("."):
        value = getattr(value, name)
    assert value == expected
    assert specs.changed(SPEC, "name", SPEC.name) == SPEC


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        ("quantity", "much", "quantity"),
        ("selection.delta", "1", "selection.delta"),
        ("nothing.there", "1", "nothing"),
        ("name.first", "x", "name"),
        ("exits", "0.5", "exits"),
    ],
)
def test_a_wrong_change_is_named(path: str, text: str, where: str) -> None:
    """It is refused as it would be in a file."""
    with pytest.raises(specs.SpecError) as raised:
        specs.changed(SPEC, path, text)
    assert raised.value.path == where


def test_json_needs_nothing() -> None:
    """Without pyyaml a spec in JSON is read, and YAML says what it needs."""
    code = f"""
import sys
sys.modules["yaml"] = None
from rollbook import specs
assert specs.parse({JSON!r}).name == "BTC calls"
try:
    specs.parse("name: x")
except specs.SpecError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == 'YAML needs pyyaml: pip install "rollbook[cli]", or write the spec as JSON\n'
