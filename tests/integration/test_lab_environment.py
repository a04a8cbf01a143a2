"""The Gymnasium environment over a run's candidates: a real run, its exported file, and every figure beside its row."""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import polars as pl
import pytest
from gymnasium.utils.env_checker import check_env

from rollbook import (
    BacktestSpec,
    BacktestState,
    ContractStyle,
    DatasetKind,
    DataSpec,
    ExitStyle,
    Lab,
    StrategyKind,
    SyntheticMarket,
    TrainingFormat,
    TrainingRows,
)
from rollbook.rl import ID, DecisionEnv, decisions, read_decisions
from rollbook_server.domain.backtest import training_schema
from tests.support.server import RunningServer

SPLITS: Any = ("TRAIN", "VALIDATION", "TEST")


@dataclass(frozen=True)
class Exported:
    """Files of one run, and the rows of the candidates."""

    candidates: Path
    examples: Path
    rows: pl.DataFrame

    def of(self, number: int) -> list[dict[str, Any]]:
        """The rows of a decision, in the order of the file."""
        return self.rows.filter(pl.col("decision") == number).to_dicts()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Of calls on a made-up market, sold at each decision for which there is room."""
    folder = tmp_path_factory.mktemp("lab")
    with RunningServer(folder / "ledger.db") as server, Lab(server.target, deadline=60) as lab:
        market = SyntheticMarket(seed=1, start_time=datetime(2021, 1, 1, tzinfo=UTC), days=200)
        data = lab.register_dataset(kind=DatasetKind.BARS, underlying="BTC", synthetic=market)
        spec = BacktestSpec(
            underlying="BTC",
            strategy=StrategyKind.COVERED_CALL,
            style=ContractStyle.INVERSE,
            exit_style=ExitStyle.TP_AND_ROLL,
            max_open_chains=3,
            data=DataSpec(spot_dataset_id=data.dataset_id),
        )
        run = lab.create_backtest(spec)
        states = (seen.status for message in lab.watch_backtests(run.backtest_id) for seen in message.backtests)
        state = next(each.state for each in states if each is not None and each.state >= BacktestState.SUCCEEDED)
        assert state is BacktestState.SUCCEEDED
        files = {kind: folder / f"{kind}.parquet" for kind in (TrainingRows.CANDIDATES, TrainingRows.EXAMPLES)}
        for kind, file in files.items():
            with file.open("wb") as out:
                lab.export_training_data(run.backtest_id, out.write, rows=kind, file_format=TrainingFormat.PARQUET)
    candidates = files[TrainingRows.CANDIDATES]
    return Exported(candidates, files[TrainingRows.EXAMPLES], pl.read_parquet(candidates))


def _episode(environment: DecisionEnv, act: Any) -> list[tuple[Any, dict[str, Any], int, float, bool]]:
    """Observation and info before each step, its action, its reward, and whether it was refused."""
    steps = []
    observation, info = environment.reset()
    ended = False
    while not ended:
        action = int(act(observation, info))
        following, reward, ended, truncated, after = environment.step(action)
        assert not truncated
        steps.append((observation, info, action, reward, after["refused"]))
        observation, info = following, after
    assert info == {**info, "decision": -1, "taken": -1}
    assert not observation["market"].any()
    assert not observation["candidates"].any()
    return steps


def test_gymnasiums_own_check_has_nothing_to_say(exported: Exported) -> None:
    """The environment is made by its id, and passes check_env without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made: Any = gymnasium.make(f"rollbook.rl:{ID}", candidates=exported.candidates, split="TRAIN", reward="coin")
        assert isinstance(made.unwrapped, DecisionEnv)
        check_env(made.unwrapped)


@pytest.mark.parametrize("reward", ["coin", "usd"])
def test_every_action_has_the_state_and_reward_of_its_row(exported: Exported, reward: Any) -> None:
    """With each action at each decision, states, rewards and masks are those of the exported rows to the last bit;
    where there is no contract nothing is sold, for nothing, and it is said."""
    environment = DecisionEnv(exported.candidates, split="RUN", reward=reward)
    numbers = exported.rows["decision"].unique(maintain_order=True).to_list()
    rows_of = {number: exported.of(number) for number in numbers}
    most = max(len(rows) for rows in rows_of.values())
    assert environment.action_space == gymnasium.spaces.Discrete(most)
    compared = 0
    for wanted in range(most):
        steps = _episode(environment, lambda observation, info, wanted=wanted: wanted)
        assert [info["decision"] for _, info, *_ in steps] == numbers
        for observation, info, action, earned, refused in steps:
            rows = rows_of[info["decision"]]
            assert info["action_mask"].tolist() == [1] * len(rows) + [0] * (most - len(rows))
            assert refused == (action >= len(rows))
            assert earned == (0.0 if refused else rows[action][f"reward_{reward}"])
            market = dict(zip(environment.market_names, observation["market"].tolist(), strict=True))
            assert rows[0] == {**rows[0], **market}
            own = observation["candidates"].tolist()
            assert not np.any(own[len(rows) :])
            for row, values in zip(rows, own, strict=False):
                assert row == {**row, **dict(zip(environment.candidate_names, values, strict=True))}
            compared += not refused
    assert compared == len(exported.rows) > 500


def test_states_are_all_of_the_schemas(exported: Exported) -> None:
    """The observation has each state_* column of the server's schema once, of the version that it writes."""
    environment = DecisionEnv(exported.candidates, split="RUN", reward="usd")
    states = [each.name for each in training_schema.COLUMNS if each.name.startswith("state_")]
    assert sorted([*environment.market_names, *environment.candidate_names]) == sorted(states)
    assert "state_candidates" in environment.market_names
    assert decisions.SCHEMA_VERSION == training_schema.SCHEMA_VERSION


def test_the_runs_own_choices_earn_what_the_run_did(exported: Exported) -> None:
    """An episode of what the run did sums to the rewards of its own rows, in each split, and over all of it to those of
    the examples."""
    examples = pl.read_parquet(exported.examples)
    for split in (*SPLITS, "RUN"):
        environment = DecisionEnv(exported.candidates, split=split, reward="coin")
        steps = _episode(environment, lambda observation, info: max(info["taken"], 0))
        rows = exported.rows.filter((pl.col("taken") == 1) & ((pl.col("split") == split) | (split == "RUN")))
        assert [info["decision"] for _, info, *_ in steps if info["taken"] >= 0] == rows["decision"].to_list()
        earned = [reward for *_, reward, _ in steps]
        assert math.fsum(earned) == math.fsum(rows["reward_coin"])
        if split == "RUN":
            assert math.fsum(earned) == math.fsum(examples["reward_coin"])
            assert sum(action > 0 for _, _, action, *_ in steps) == (examples["action"] == "OPEN").sum() > 10


def test_splits_are_those_of_the_rows(exported: Exported) -> None:
    """Episodes of the splits follow each other in time and share no decision; none has one of the embargo, and no label
    of one reaches into the next. Their spaces are one."""
    before = 0
    spaces = []
    for split in SPLITS:
        environment = DecisionEnv(exported.candidates, split=split, reward="coin")
        spaces.append((environment.observation_space, environment.action_space))
        numbers = [info["decision"] for _, info, *_ in _episode(environment, lambda observation, info: 0)]
        rows = exported.rows.filter(pl.col("decision").is_in(numbers))
        assert rows["split"].unique().to_list() == [split]
        assert numbers == rows["decision"].unique(maintain_order=True).to_list() == sorted(set(numbers))
        assert len(rows) == (exported.rows["split"] == split).sum()
        first, ends = rows["decision_time"].min(), rows["label_end_time"].max()
        assert isinstance(first, int)
        assert isinstance(ends, int)
        assert before < first
        before = ends
    assert spaces[0] == spaces[1] == spaces[2]
    assert (exported.rows["split"] == "EMBARGO").any()


def test_seeds_and_resets_reproduce(exported: Exported) -> None:
    """The same seed gives the same episode, action for action; a reset in the middle begins at the first decision."""

    def episode(seed: int) -> Any:
        environment = DecisionEnv(exported.candidates, split="TRAIN", reward="usd")
        environment.reset(seed=seed)
        environment.action_space.seed(seed)
        environment.step(0)
        steps = _episode(environment, lambda observation, info: environment.action_space.sample(info["action_mask"]))
        assert not any(refused for *_, refused in steps)
        return [(each["market"].tolist(), info["decision"], *rest) for each, info, *rest in steps]

    assert episode(7) == episode(7) != episode(8)


def test_what_is_given_out_is_the_callers(exported: Exported) -> None:
    """Whoever writes into an observation or a mask changes nothing of what comes after."""
    environment = DecisionEnv(exported.candidates, split="TEST", reward="coin")
    first, info = environment.reset()
    kept = {name: values.copy() for name, values in first.items()}
    for values in (*first.values(), info["action_mask"]):
        values[:] = 5
    again, same = environment.reset()
    assert all(np.array_equal(again[name], values) for name, values in kept.items())
    assert set(same["action_mask"].tolist()) == {0, 1}


def test_steps_that_make_no_sense(exported: Exported) -> None:
    """Before the first reset and after the last decision a reset is needed; actions outside the space are refused, and
    what is no whole number, too."""
    environment = DecisionEnv(exported.candidates, split="TEST", reward="coin")
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(0)
    environment.reset()
    for action in (-1, environment.decisions.most_candidates + 1):
        with pytest.raises(ValueError, match="actions are 0 to"):
            environment.step(action)
    with pytest.raises(TypeError):
        environment.step(0.5)  # type: ignore[arg-type]
    assert len(_episode(environment, lambda observation, info: 0)) == len(environment.decisions.number)
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(0)


def test_a_policy_that_was_learnt_is_judged(exported: Exported) -> None:
    """Least squares on the rows of TRAIN, with numpy alone, choose in the environment of TEST; what they earn there is
    what the rows say, no better than knowing it all and no worse than the worst."""
    train = read_decisions(exported.candidates, "TRAIN", "coin")
    counts = np.diff(train.first)
    x = np.hstack([np.repeat(train.market, counts, axis=0), train.candidates])
    mean, deviation = x.mean(0), x.std(0) + 1e-9
    beta = np.linalg.lstsq(np.hstack([np.ones((len(x), 1)), (x - mean) / deviation]), train.rewards)[0]

    def greedy(observation: Any, info: Any) -> int:
        count = int(info["action_mask"].sum())
        seen = np.hstack([np.tile(observation["market"], (count, 1)), observation["candidates"][:count]])
        return int(np.argmax(np.hstack([np.ones((count, 1)), (seen - mean) / deviation]) @ beta))

    environment = DecisionEnv(exported.candidates, split="TEST", reward="coin")
    steps = _episode(environment, greedy)
    rewards = [np.array([row["reward_coin"] for row in exported.of(info["decision"])]) for _, info, *_ in steps]
    earned = math.fsum(reward for *_, reward, _ in steps)
    assert earned == math.fsum(each[action] for each, (_, _, action, *_) in zip(rewards, steps, strict=True))
    assert math.fsum(map(np.min, rewards)) <= earned <= math.fsum(map(np.max, rewards))
    assert len({action for _, _, action, *_ in steps}) > 1


def test_room_for_more(exported: Exported) -> None:
    """Files get spaces of one size by max_candidates; what has no room is refused, and not cut."""
    most = read_decisions(exported.candidates, "RUN", "coin").most_candidates
    roomy = DecisionEnv(exported.candidates, split="TRAIN", reward="coin", max_candidates=most + 5)
    observation, info = roomy.reset()
    assert len(info["action_mask"]) == len(observation["candidates"]) == most + 6
    check_env(gymnasium.make(
        f"rollbook.rl:{ID}", candidates=exported.candidates, split="TRAIN", reward="coin", max_candidates=most + 5
    ).unwrapped)  # fmt: skip
    with pytest.raises(ValueError, match=f"{most} candidates, not {most - 1} at most"):
        DecisionEnv(exported.candidates, split="TRAIN", reward="coin", max_candidates=most - 1)


def test_what_is_no_export_of_candidates(exported: Exported, tmp_path: Path) -> None:
    """Examples, rows of another schema, in another order, with gaps or without a column, another kind of file, and
    words that nobody knows are refused with what is wrong."""
    whole, file = exported.rows, tmp_path / "rows.parquet"

    def refused(rows: pl.DataFrame, words: str) -> None:
        rows.write_parquet(file)
        with pytest.raises(ValueError, match=words):
            DecisionEnv(file, split="TRAIN", reward="coin")

    refused(pl.read_parquet(exported.examples), "export the run's CANDIDATES")
    refused(whole.reverse(), "keep their order")
    refused(whole.filter(pl.col("action") == "OPEN"), "row for doing nothing")
    refused(whole.with_columns(schema_version=pl.lit(2, pl.Int32)), r"schema version \[2\]")
    refused(whole.drop("reward_coin"), "no column reward_coin")
    refused(whole.with_columns(pl.col("decision").cast(pl.Float64)), "no column decision of Int64")
    for column in ("reward_coin", "state_spot", "state_candidate_score"):
        for value in (None, float("nan"), float("inf")):
            refused(whole.with_columns(pl.lit(value, pl.Float64).alias(column)), f"{column} that is missing")
    refused(whole.with_columns(taken=pl.lit(None, pl.Int32)), "taken that is missing")
    refused(whole.filter(pl.col("split") != "TRAIN"), "no decision of TRAIN")
    refused(whole.clear(), "no decision of TRAIN")
    file.write_text("decision,action\n")
    for split, reward, words in (("TRAIN", "coin", "as Parquet"), ("train", "coin", "split"), ("TEST", "", "reward")):
        with pytest.raises(ValueError, match=words):
            DecisionEnv(file, split=split, reward=reward)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        DecisionEnv(tmp_path / "none", split="TRAIN", reward="coin")


def test_the_example_of_the_documents_runs(exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of docs/lab.md do what they say, as they stand there."""
    text = (Path(__file__).parents[2] / "docs/lab.md").read_text()
    (lines,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "rows.parquet").symlink_to(exported.candidates)
    monkeypatch.chdir(tmp_path)
    said: dict[str, Any] = {}
    exec(lines, said)
    assert said["info"]["decision"] == exported.rows["decision"].unique(maintain_order=True)[1]
    assert not said["info"]["refused"]
