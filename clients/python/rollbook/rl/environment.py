"""A run's decisions as a Gymnasium environment.

Its figures are those of the export, to the last bit. It says what each action would have earned alone, and no more: an
action changes neither the states that follow nor what can be done then. So it is a contextual bandit in sequence: what
is best now is best altogether, discounts are of no use, and neither capital nor the chains that a policy would have
open are simulated.
"""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any, SupportsIndex, TypeAlias

import gymnasium
import numpy as np
from gymnasium import spaces

from rollbook.rl.decisions import LIMIT, Reward, Split, read_decisions

Observation: TypeAlias = dict[str, Any]
"""Arrays of float64 by name."""


class DecisionEnv(gymnasium.Env[Observation, SupportsIndex]):
    """An episode is a split of a run, from its first decision to its last; a step is a decision.

    Action 0 sells nothing, action i the contract of the decision's row i, in the order of the export. The reward is the
    row's. An action that names no contract here sells nothing, earns 0, and is told as `refused`.

    Observation, float64:
        market (m,): the decision's columns `market_names`. `state_open_chains` is of the run, whatever the policy did.
        candidates (1 + most, k): in row i the columns `candidate_names` of action i; zeros for action 0, and where
            there is no contract.

    Info:
        action_mask (1 + most,): int8, 1 for actions that name a contract or nothing; as `action_space.sample` takes it.
        decision: the number of the decision in its run, as the export has it; -1 after the last.
        taken: the action of the run itself; -1 where the export does not have its reward, and after the last.
        refused: whether the action just done named no contract.

    After the last decision the episode is terminated, and the observation is all zeros: nothing follows it. Whoever
    draws actions draws from `action_space`; the environment draws nothing, so a seed changes no figure.
    """

    def __init__(
        self, candidates: str | Path, *, split: Split, reward: Reward, max_candidates: int | None = None
    ) -> None:
        """Reads a Parquet file of candidates; neither server nor engine is needed.

        Args:
            candidates: What `export_training_data` wrote of a run, with rows=CANDIDATES.
            split: TRAIN, VALIDATION or TEST, none of which reaches into the embargo; or RUN, all decisions of the file.
            reward: coin or usd.
            max_candidates: Room for so many contracts, so that the spaces of several files are the same; None is as
                many as a decision of the file has at most, so that its splits have the same.

        Raises OSError, and ValueError where the file is not one of candidates, has no such decision, or more contracts
        than there is room for.
        """
        found = read_decisions(candidates, split, reward)
        most = found.most_candidates if max_candidates is None else max_candidates
        if found.most_candidates > most:
            raise ValueError(f"{candidates} has decisions with {found.most_candidates} candidates, not {most} at most")
        self.decisions = found
        """What it is made of."""
        self.market_names, self.candidate_names = found.market_names, found.candidate_names
        self._first: list[int] = found.first.tolist()
        self._number: list[int] = [*found.number.tolist(), -1]
        self._taken: list[int] = [*found.taken.tolist(), -1]
        self._last = len(found.number)
        self._at = self._last
        """The decision that is next; the one after the last before the first reset, too."""
        shapes = {"market": (len(self.market_names),), "candidates": (1 + most, len(self.candidate_names))}
        self.observation_space = spaces.Dict(
            {name: spaces.Box(-LIMIT, LIMIT, shape, np.float64) for name, shape in shapes.items()}
        )
        self.action_space = spaces.Discrete(1 + most)
        self._shapes = shapes
        self._actions = 1 + most

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Goes back to the first decision."""
        super().reset(seed=seed, options=options)
        self._at = 0
        return self._seen(refused=False)

    def step(self, action: SupportsIndex) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Does something at the present decision, and goes to the next one. Raises ResetNeeded after the last, and
        ValueError for an action that is not in the action space."""
        place = operator.index(action)
        if self._at == self._last:
            raise gymnasium.error.ResetNeeded("the episode is over, or was never begun: call reset")
        if not 0 <= place < self._actions:
            raise ValueError(f"actions are 0 to {self._actions - 1}, not {place}")
        row, following = self._first[self._at], self._first[self._at + 1]
        refused = row + place >= following
        reward = float(self.decisions.rewards[row if refused else row + place])
        self._at += 1
        observation, info = self._seen(refused=refused)
        return observation, reward, self._at == self._last, False, info

    def _seen(self, *, refused: bool) -> tuple[Observation, dict[str, Any]]:
        """The present decision, in arrays of its own: people keep them, and some write into them."""
        found, at = self.decisions, self._at
        market, candidates = (np.zeros(self._shapes[name]) for name in ("market", "candidates"))
        mask = np.zeros(self._actions, np.int8)
        count = 1
        if at < self._last:
            first, following = self._first[at], self._first[at + 1]
            count = following - first
            market[:] = found.market[at]
            candidates[:count] = found.candidates[first:following]
        mask[:count] = 1
        info = {"action_mask": mask, "decision": self._number[at], "taken": self._taken[at], "refused": refused}
        return {"market": market, "candidates": candidates}, info
