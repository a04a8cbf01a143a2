"""Reinforcement learning on a run's decisions: a Gymnasium environment over exported candidates. Needs `rollbook[rl]`.

`gymnasium.make("rollbook.rl:rollbook/Decisions-v1", candidates="rows.parquet", split="TRAIN", reward="coin")`
"""

from __future__ import annotations

import gymnasium

from rollbook.rl.decisions import Decisions, read_decisions
from rollbook.rl.environment import DecisionEnv

ID = "rollbook/Decisions-v1"
"""The environment's id; its number is the schema version of the rows."""

gymnasium.register(ID, entry_point="rollbook.rl.environment:DecisionEnv")

__all__ = ["ID", "DecisionEnv", "Decisions", "read_decisions"]
