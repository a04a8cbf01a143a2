"""How holdings lie on the disk: one JSON document, replaced as a whole."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rollbook import Mode, Side, StrategyKind
from rollbook_bot import durable
from rollbook_bot.held import FollowedOrder, HeldChain, Line
from rollbook_bot.letters import Command, Letter, Unsendable

log = logging.getLogger("rollbook_bot")


@dataclass(kw_only=True)
class Kept:
    """What the file says; `Holdings` says what each means."""

    chains: dict[str, HeldChain] = field(default_factory=dict)
    working: dict[str, FollowedOrder] = field(default_factory=dict)
    untraded: dict[str, FollowedOrder] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    outbox: list[Command] = field(default_factory=list)


def write(path: Path, kept: Kept) -> None:
    """Writes it, whole or not at all. Raises OSError."""
    tree = {
        "chains": {name: _chain_tree(chain) for name, chain in kept.chains.items()},
        "working": {name: _order_tree(order) for name, order in kept.working.items()},
        "untraded": {name: _order_tree(order) for name, order in kept.untraded.items()},
        "told": kept.told,
        "outbox": _letters(kept.outbox),
    }
    durable.write(path, json.dumps(tree).encode())


def read(path: Path) -> Kept:
    """What was written. A file that cannot be read is put aside and said; the ledger knows what is held."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        return Kept(
            chains={name: _chain(chain) for name, chain in tree["chains"].items()},
            working={name: _order(order) for name, order in tree["working"].items()},
            untraded={name: _order(order) for name, order in tree["untraded"].items()},
            told={str(name): str(time) for name, time in tree["told"].items()},
            outbox=[Letter.decode(text.encode()).sendable() for text in tree["outbox"]],
        )
    except FileNotFoundError:
        pass
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, Unsendable) as error:
        log.error("%s cannot be read, and what is held is asked of the ledger: %r", path, error)
        try:
            path.replace(path.with_suffix(".damaged"))
        except OSError:
            log.error("%s could not be put aside", path)
    return Kept()


def _letters(commands: Iterable[Command]) -> list[str]:
    """The commands; not one that cannot be written as a message: it would have the whole file taken for damaged, and
    the spool has it as a dead letter."""
    letters = [Letter.of(command, command.account, command.request_id) for command in commands]
    return [letter.encode().decode() for letter in letters if letter.command is not None]


def _line_words(line: Line) -> list[str]:
    return [line.mode, line.underlying, line.strategy, line.strategy_name]


def _line(words: Iterable[str]) -> Line:
    mode, underlying, strategy, strategy_name = words
    return Line(Mode(mode), underlying, StrategyKind(strategy), strategy_name)


def _chain_tree(chain: HeldChain) -> dict[str, Any]:
    return {
        "line": _line_words(chain.line),
        "currency": chain.currency,
        "held": {symbol: str(quantity) for symbol, quantity in chain.held.items()},
        "half_roll": chain.half_roll,
        "rolled_from": chain.rolled_from,
        "opened": [*chain.opened],
    }


def _chain(tree: Mapping[str, Any]) -> HeldChain:
    return HeldChain(
        line=_line(tree["line"]),
        currency=tree["currency"],
        held={symbol: Decimal(quantity) for symbol, quantity in tree["held"].items()},
        half_roll=tree["half_roll"],
        rolled_from=tuple(tree["rolled_from"]),
        opened=dict.fromkeys(tree["opened"]),
    )


def _order_tree(order: FollowedOrder) -> dict[str, Any]:
    return {
        "position_id": order.position_id,
        "line": _line_words(order.line),
        "symbol": order.symbol,
        "side": order.side,
        "quantity": str(order.quantity),
        "filled": str(order.filled),
        "roll": order.roll,
        "traded": str(order.traded),
        "trade_ids": order.trade_ids,
        "ended": order.ended.isoformat() if order.ended else None,
    }


def _order(tree: Mapping[str, Any]) -> FollowedOrder:
    return FollowedOrder(
        position_id=tree["position_id"],
        line=_line(tree["line"]),
        symbol=tree["symbol"],
        side=Side(tree["side"]),
        quantity=Decimal(tree["quantity"]),
        filled=Decimal(tree["filled"]),
        roll=tree["roll"],
        traded=Decimal(tree["traded"]),
        trade_ids=[*tree["trade_ids"]],
        ended=datetime.fromisoformat(tree["ended"]) if tree["ended"] else None,
    )
