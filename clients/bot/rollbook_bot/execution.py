"""From a decision to its result: an action is executed on an exchange, or simulated, and comes back as a dict that a
`PositionTracker` takes.

    action = {"action": "OPEN_COVERED_CALL", "params": {"symbol": "BTC-27JUN25-100000-C", "size": 0.1},
              "strategy": "weekly", "reason": "…", "decision_id": "d-17", "trigger": "entry"}
    position_tracker.process_execution_result(execute_action(exchange, action, ExecutionSettings(dry_run=False)))

OPEN_ and CLOSE_ have `symbol`, ROLL_ has `from_symbol` and `to_symbol`; behind them COVERED_CALL or CASH_SECURED_PUT.
`size` is in coins. `price` is a limit, of one order; without it an order goes out, and is simulated, at the mid of bid
and ask, rounded to the venue's tick away from us. `exit_style` and `underlying` are passed on.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rollbook import new_request_id
from rollbook_bot.exchange import Exchange
from rollbook_bot.placing import Attempt, place, read_placed
from rollbook_bot.pricing import Priced, limit_price, simulated_price
from rollbook_bot.spelling import number, plain
from rollbook_bot.steps import Step, steps_of, word_of

__all__ = ["ExecutionSettings", "execute_action", "execute_actions", "found_order"]

log = logging.getLogger("rollbook_bot")

LABEL = 64
"""Characters that the venue takes."""


@dataclass(frozen=True)
class ExecutionSettings:
    """How actions are executed."""

    dry_run: bool = True
    """Nothing is placed; what would be traded is simulated."""


DRY_RUN = ExecutionSettings()


def execute_action(
    exchange: Exchange, action: Mapping[str, Any], settings: ExecutionSettings = DRY_RUN
) -> dict[str, Any]:
    """Executes one action, and says what came of it. It never raises, and never waits for an order to fill.

    Both contracts of a roll are priced before its first order goes out: one that nobody quotes stops it before it
    begins. The buy-back comes first, and no more is sold than was bought back: if that order rests with nothing filled
    nothing is sold; once it has filled, an OPEN of the new contract completes the roll.

    Returns a dict for `json.dumps` and for `PositionTracker.process_execution_result`. `status` is

    - "executed": filled whole;
    - "simulated": the same in a dry run. The ledger estimates its fees;
    - "resting": nothing went wrong, and an order is in the book, perhaps partly filled. What becomes of it is told by
      `PositionTracker.refresh_marks`;
    - "partial_error": something was done, and not all: `errors` names the leg, with the venue's words;
    - "error": nothing was done, `errors` say why;
    - "unknown": an order may be on the venue, and may not, because no answer to it came. It is said as CRITICAL and
      stands in `unknown`, with the `label` under which it was sent. Nothing more is placed after it. Look for the label
      on the venue (private/get_open_orders_by_label, private/get_order_state_by_label) before the same is tried again:
      a label does not keep a second order away. If it is there, tell `found_order(result, answer)`;
    - "skipped": DO_NOTHING.

    An order's label is the action's `decision_id` and the leg; the result's `request_id` and the leg where it has none.
    """
    if not isinstance(action, Mapping):
        action = {"action": repr(action)}
    result = _begin(action, settings)
    if result["action"] == "DO_NOTHING":
        return _end(result, "skipped", "DO_NOTHING: no orders placed")
    try:
        steps = steps_of(action)
        price = simulated_price if settings.dry_run else limit_price
        priced = [price(exchange, step) for step in steps]
    except ValueError as error:
        return _failed(result, str(error))
    except Exception as error:  # nothing is placed yet, and a bot must not stop
        log.exception("an action could not be executed")
        return _failed(result, f"{type(error).__name__}: {error}")
    if settings.dry_run:
        return _simulate(result, priced)
    return _trade(exchange, result, priced)


def execute_actions(
    exchange: Exchange, actions: Iterable[Mapping[str, Any]], settings: ExecutionSettings = DRY_RUN
) -> dict[str, Any]:
    """Executes actions one after the other, each whatever the others came to. `results` has what `execute_action` says,
    in their order.
    """
    results = [execute_action(exchange, action, settings) for action in actions]
    counts = Counter(result["status"] for result in results)
    return {
        "status": "executed_batch",
        "dry_run": settings.dry_run,
        "results": results,
        "message": ", ".join(f"{count} {status}" for status, count in counts.items()) or "nothing to do",
    }


def found_order(result: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """What to tell the tracker when the order of an "unknown" result was found on the venue.

    Args:
        result: The result with `unknown`.
        answer: The order as `Exchange.place_order` would have returned it: {"order": {…}, "trades": […]}.

    The second order of a roll is told as the OPEN that completes it. Raises ValueError if nothing was unknown, or the
    answer is none.
    """
    sent = result.get("unknown")
    if not sent:
        raise ValueError("unknown: the result knows all of its orders")
    quantity, price = number(sent["size"], "unknown.size"), number(sent["price"], "unknown.price")
    if quantity is None or price is None:
        raise ValueError("unknown: it has neither size nor price")
    step = Step(leg=sent["leg"], symbol=sent["symbol"], quantity=quantity)
    attempt = read_placed(None, answer, step, sent["label"], price, None)
    found = {**result, "orders": [], "errors": [], "request_id": new_request_id()}
    del found["unknown"]
    verb, _, kind = result["action"].partition("_")
    if verb == "ROLL" and step.leg == "open":
        found["action"] = f"OPEN_{kind}"
        found["params"] = {**result["params"], "symbol": step.symbol, "size": sent["size"]}
    return _outcome(found, [attempt])


def _begin(action: Mapping[str, Any], settings: ExecutionSettings) -> dict[str, Any]:
    """A result that says what was asked for, and not yet what came of it."""
    params = action.get("params")
    params = params if isinstance(params, Mapping) else {}
    return {
        "status": "",
        "action": word_of(action),
        "params": plain(dict(params)),
        "orders": [],
        "dry_run": settings.dry_run,
        "underlying": str(params.get("underlying") or action.get("underlying") or ""),
        **{name: str(action.get(name) or "") for name in ("strategy", "reason", "decision_id", "trigger")},
        "errors": [],
        "message": "",
        "executed_time": datetime.now(UTC).isoformat(),
        "request_id": new_request_id(),
    }


def _end(result: dict[str, Any], status: str, message: str) -> dict[str, Any]:
    result["status"], result["message"] = status, message
    return result


def _failed(result: dict[str, Any], error: str) -> dict[str, Any]:
    result["errors"].append(error)
    return _end(result, "error", error)


def _simulate(result: dict[str, Any], priced: list[Priced]) -> dict[str, Any]:
    """All of it filled, at the time of the quotes; where a quote has no time, now."""
    for each in priced:
        result["orders"].append(
            {
                "type": each.step.side.value,
                "symbol": each.step.symbol,
                "size": plain(each.step.quantity),
                "price": plain(each.price),
                "order_id": None,
                "order_state": "filled",
                "leg": each.step.leg,
                "simulated": True,
                "filled_amount": plain(each.step.quantity),
                "average_price": plain(each.price),
                "index_price": plain(each.index_price),
                "trades": [],
            }
        )
    times = [each.time for each in priced if each.time is not None]
    if len(times) == len(priced):
        result["executed_time"] = max(times).isoformat()
    return _end(result, "simulated", "; ".join(_done(each.step, each.step.quantity, each.price) for each in priced))


def _trade(exchange: Exchange, result: dict[str, Any], priced: list[Priced]) -> dict[str, Any]:
    """The orders, one after the other: no more is sold in a roll than was bought back."""
    attempts: list[Attempt] = []
    for each in priced:
        if attempts:
            bought = min(attempts[0].filled, each.step.quantity)
            if not bought or attempts[0].unknown:
                break
            each = replace(each, step=replace(each.step, quantity=bought))
        attempts.append(place(exchange, each, _label(result, each.step)))
    outcome = _outcome(result, attempts)
    if len(attempts) < len(priced) and attempts[0].rests:
        new, old = priced[1].step, priced[0].step
        outcome["message"] += f"; {new.symbol} is not sold before {old.symbol} is bought back"
    return outcome


def _outcome(result: dict[str, Any], attempts: list[Attempt]) -> dict[str, Any]:
    """The result of orders that were tried."""
    result["executed_time"] = datetime.now(UTC).isoformat()
    result["orders"] += [attempt.order for attempt in attempts if attempt.order is not None]
    result["errors"] += [attempt.problem for attempt in attempts if attempt.problem]
    unknown = next((attempt.unknown for attempt in attempts if attempt.unknown is not None), None)
    rests = any(attempt.rests for attempt in attempts)
    if unknown is not None:
        result["unknown"], status = unknown, "unknown"
    elif result["errors"]:
        status = "partial_error" if rests or any(attempt.filled for attempt in attempts) else "error"
    else:
        status = "resting" if rests else "executed"
    return _end(result, status, "; ".join(_said(attempt) for attempt in attempts))


def _said(attempt: Attempt) -> str:
    """An attempt, for people."""
    step = attempt.step
    if attempt.problem:
        return attempt.problem
    if attempt.rests:
        return f"{attempt.filled:f} of {step.quantity:f} {step.symbol} filled, the order rests"
    return _done(step, attempt.filled, None)


def _done(step: Step, quantity: Any, price: Any) -> str:
    verb = "sold" if step.leg == "open" else "bought"
    return f"{verb} {quantity:f} {step.symbol}" + (f" at {price:f}" if price is not None else "")


def _label(result: dict[str, Any], step: Step) -> str:
    """By which an order can be found, whatever becomes of the answer to it."""
    label = f"{result['decision_id']}-{step.leg}"
    if result["decision_id"] and len(label) <= LABEL and label.isascii() and label.isprintable():
        return label
    return f"{result['request_id']}-{step.leg}"
