"""Judging one execution: which chain, what each fill does, what counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from rollbook_server.domain.chains import ChainState
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.entries import Answer, DecidedFill, DecidedOrder, Entry, ExecutionEntry
from rollbook_server.domain.errors import FailedPrecondition, InvalidArgument, NotFound, Reason
from rollbook_server.domain.executions import (
    Action,
    Execution,
    ExecutionStatus,
    Fill,
    Flag,
    Mode,
    Order,
    OrderState,
    PositionEffect,
)
from rollbook_server.domain.fold import Standing, standing
from rollbook_server.domain.instruments import DERIBIT, Instrument, parse_deribit, resolve
from rollbook_server.domain.recording.arrivals import (
    check_against_order,
    check_fill,
    decide_fill,
    fill_flags,
    known_contract,
    known_trade,
    one_of,
    quantity_differs,
    settle_on_arrival,
    unique,
)
from rollbook_server.domain.recording.book import Book, Judgement, Place, Record, Scope, advance
from rollbook_server.domain.trades import held

OPENING, CLOSING = PositionEffect.OPENING, PositionEffect.CLOSING
_FAILED = (ExecutionStatus.ERROR, ExecutionStatus.SKIPPED)
_LIVELY = (OrderState.OPEN, OrderState.FILLED)


@dataclass(slots=True)
class _Draft:
    """An execution on its way to an entry."""

    said: Execution
    scope: Scope
    instruments: dict[str, Instrument] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    """The contracts that were given in full, not only named."""
    from_symbols: tuple[str, ...] = ()
    to_symbols: tuple[str, ...] = ()
    counted: list[tuple[int, Fill]] = field(default_factory=list)
    attached: list[Fill] = field(default_factory=list)
    attached_orders: list[Order] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    holder_of_dropped: str = ""

    @property
    def fills(self) -> list[Fill]:
        """All fills that will count."""
        return [fill for _, fill in self.counted] + self.attached

    @property
    def lively(self) -> bool:
        """Whether it may move a chain: a fill counts, or an order may still fill."""
        return bool(self.counted or self.attached) or any(order.state in _LIVELY for order in self.said.orders)

    @property
    def time(self) -> Micros:
        """When it takes effect: at its first fill, else when it was executed."""
        return min((fill.executed_time for fill in self.fills), default=self.said.executed_time)

    def effect(self, symbol: str, explicit: PositionEffect | None, where: str) -> PositionEffect:
        """What a fill or order in a contract does: as it says, else as the action says."""
        action = self.said.action
        if action is Action.ROLL:
            if explicit is None:
                if symbol in self.from_symbols:
                    return CLOSING
                if symbol in self.to_symbols:
                    return OPENING
                raise InvalidArgument(
                    Reason.CONTRADICTION, f"{symbol} is neither rolled from nor to", f"{where}.position_effect"
                )
            return explicit
        implied = CLOSING if action is Action.CLOSE else OPENING
        if explicit is not None and explicit is not implied:
            raise InvalidArgument(
                Reason.CONTRADICTION, f"{explicit} in an execution that {action}s", f"{where}.position_effect"
            )
        return implied


def judge_execution(book: Book, said: Execution, place: Place) -> Judgement:
    """The entries of an execution, or the reason why it is refused.

    Raises InvalidArgument for what contradicts itself, NotFound and FailedPrecondition for what does not fit the
    chain, AlreadyExists for a trade_id with other content.
    """
    draft = _Draft(said, Scope(said.account, said.mode, said.venue))
    _check_form(draft)
    _check_contracts(book, draft)
    _sort_out_known_trades(book, draft)
    _attach_waiting(book, draft)
    effects = _effects(draft)
    record, roll = _find_chain(book, draft, effects)
    return _write(book, draft, record, roll, place)


def _check_form(draft: _Draft) -> None:
    """Refuses what contradicts itself."""
    said = draft.said
    if said.status is ExecutionStatus.SIMULATED and said.mode is Mode.LIVE:
        raise InvalidArgument(Reason.CONTRADICTION, "a simulated execution in LIVE mode", "status")
    if said.status is ExecutionStatus.RESTING and not said.orders:
        raise InvalidArgument(Reason.MISSING_FIELD, "a resting execution names its orders", "orders")
    if said.action is not Action.ROLL and (said.from_symbols or said.to_symbols):
        name = "from_symbols" if said.from_symbols else "to_symbols"
        raise InvalidArgument(Reason.CONTRADICTION, f"only a ROLL has {name}", name)
    if said.action is not Action.OPEN and said.previous_position_id:
        raise InvalidArgument(Reason.CONTRADICTION, "only an OPEN follows another chain", "previous_position_id")
    ids = [order.order_id for order in said.orders]
    for number, order_id in enumerate(ids):
        if order_id in ids[:number]:
            raise InvalidArgument(
                Reason.CONTRADICTION, f"order {order_id} is there twice", f"orders[{number}].order_id"
            )


def _check_contracts(book: Book, draft: _Draft) -> None:
    """Resolves every contract; refuses two currencies or coins, expired ones, and rolls from a contract to itself."""
    said, scope = draft.said, draft.scope
    parts: list[tuple[str, Fill | Order]] = [(f"fills[{n}]", fill) for n, fill in enumerate(said.fills)]
    parts += [(f"orders[{n}]", order) for n, order in enumerate(said.orders)]
    parts.sort(key=lambda part: part[1].instrument is None)  # what is given in full once may be named elsewhere
    named: list[tuple[str, Instrument]] = []
    for where, part in parts:
        known = draft.instruments.get(part.symbol) or known_contract(book, scope, part.symbol)
        instrument = resolve(scope.venue, part.symbol, part.instrument, where, known)
        if known is not None and known != instrument:
            raise InvalidArgument(
                Reason.INSTRUMENT_MISMATCH, f"{part.symbol} is known as another contract", f"{where}.instrument"
            )
        draft.instruments[part.symbol] = instrument
        if part.instrument is not None:
            draft.given.add(part.symbol)
        named.append((where, instrument))
    for number, fill in enumerate(said.fills):
        check_fill(scope, fill, draft.instruments[fill.symbol], f"fills[{number}]")
    for name, symbols in (("from_symbols", said.from_symbols), ("to_symbols", said.to_symbols)):
        for number, symbol in enumerate(symbols):
            if symbol in draft.instruments:
                continue
            parsed = parse_deribit(symbol) if scope.venue == DERIBIT else None
            if scope.venue == DERIBIT and parsed is None:
                raise InvalidArgument(
                    Reason.MALFORMED_SYMBOL, f"{symbol!r} is not the name of an option", f"{name}[{number}]"
                )
            if parsed is not None:
                draft.instruments[symbol] = parsed
                named.append((f"{name}[{number}]", parsed))
    if named:
        one_of([(each.settlement_currency, f"{where}.symbol") for where, each in named], "settlement currency")
        coin = one_of([(each.underlying, f"{where}.symbol") for where, each in named], "underlying")
        if said.underlying and said.underlying != coin:
            raise InvalidArgument(
                Reason.CONTRADICTION, f"the contracts are on {coin}, not on {said.underlying}", "underlying"
            )
    _check_one_contract_per_order(said)
    for number, order in enumerate(said.orders):
        if order.state is OrderState.OPEN and draft.instruments[order.symbol].expiry_time <= said.executed_time:
            raise FailedPrecondition(
                Reason.CONTRACT_EXPIRED, f"{order.symbol} had expired at that time", f"orders[{number}].symbol"
            )
    if said.action is Action.ROLL:
        _find_roll_symbols(draft)


def _check_one_contract_per_order(said: Execution) -> None:
    """An order is in one contract and one direction."""
    seen = {order.order_id: (order.symbol, order.side) for order in said.orders}
    for number, fill in enumerate(said.fills):
        if not fill.order_id:
            continue
        symbol, side = seen.setdefault(fill.order_id, (fill.symbol, fill.side))
        where = f"fills[{number}]"
        if symbol != fill.symbol:
            raise InvalidArgument(Reason.INSTRUMENT_MISMATCH, f"its order is in {symbol}", f"{where}.symbol")
        if side is not fill.side:
            raise FailedPrecondition(Reason.WRONG_SIDE, f"its order is a {side}", f"{where}.side")


def _find_roll_symbols(draft: _Draft) -> None:
    """The two sides of a roll: as said, else by the position effects of its orders and fills."""
    said = draft.said
    parts: list[Order | Fill] = [*said.orders, *said.fills]

    def side(symbols: Sequence[str], effect: PositionEffect) -> tuple[str, ...]:
        explicit = [part.symbol for part in parts if part.position_effect is effect]
        return tuple(dict.fromkeys([*symbols, *explicit]))

    draft.from_symbols = side(said.from_symbols, CLOSING)
    draft.to_symbols = side(said.to_symbols, OPENING)
    both = set(draft.from_symbols) & set(draft.to_symbols)
    if both:
        raise InvalidArgument(Reason.CONTRADICTION, f"a roll from {min(both)} to itself", "to_symbols")


def _sort_out_known_trades(book: Book, draft: _Draft) -> None:
    """Counts each trade once, whoever reported it first."""
    earlier: dict[tuple[str, str], Fill] = {}
    for number, fill in enumerate(draft.said.fills):
        instrument = draft.instruments[fill.symbol]
        known = known_trade(book, draft.scope, instrument, fill, f"fills[{number}]", earlier)
        if known is None:
            draft.counted.append((number, fill))
            continue
        draft.dropped.append(fill.trade_id)
        draft.holder_of_dropped = draft.holder_of_dropped or known.position_id
        if not known.position_id and not known.repeated:
            draft.attached.append(known.fill)  # it waited for its order: this execution says whose it is


def _attach_waiting(book: Book, draft: _Draft) -> None:
    """Takes in what came before its order. What cannot be the order's (another contract, direction or effect) goes on
    waiting, where the portfolio counts it: it must not keep a true execution out."""
    said, scope = draft.said, draft.scope
    owners: dict[str, tuple[str, Fill | Order]] = {}
    for number, order in enumerate(said.orders):
        owners[order.order_id] = (f"orders[{number}]", order)
    for number, fill in draft.counted:
        if fill.order_id:
            owners.setdefault(fill.order_id, (f"fills[{number}]", fill))
    told = {fill.trade_id for fill in draft.attached}
    draft.attached = [fill for fill in draft.attached if fill.order_id not in owners]
    for order_id, (where, owner) in owners.items():
        waiting = book.waiting(scope, order_id)
        if not waiting.fills and not waiting.orders:
            continue
        effect = draft.effect(owner.symbol, owner.position_effect, where)
        for report in waiting.orders:
            if report.symbol in ("", owner.symbol) and report.side in (None, owner.side):
                draft.attached_orders.append(report)
        draft.attached += [fill for fill in waiting.fills if _fits(draft, fill, owner, effect)]
    for fill in draft.attached:
        told.discard(fill.trade_id)
        draft.instruments.setdefault(fill.symbol, resolve(scope.venue, fill.symbol, fill.instrument, "fills"))
    if told:
        raise FailedPrecondition(
            Reason.ORDER_OF_OTHER_CHAIN,
            f"trade {min(told)} was reported before for its order, in another contract or direction",
            "fills",
        )


def _fits(draft: _Draft, fill: Fill, owner: Fill | Order, effect: PositionEffect) -> bool:
    """Whether a waiting fill can be the order's. A contract that was only named is taken as the fill has it in full."""
    if fill.symbol != owner.symbol or fill.side is not owner.side or fill.position_effect not in (None, effect):
        return False
    contract = resolve(draft.scope.venue, fill.symbol, fill.instrument, "fills", draft.instruments[fill.symbol])
    if contract == draft.instruments[fill.symbol]:
        return True
    if fill.symbol in draft.given:
        return False
    draft.instruments[fill.symbol] = contract
    return True


def _effects(draft: _Draft) -> dict[str, PositionEffect]:
    """What is done in each contract."""
    effects: dict[str, PositionEffect] = {}
    parts: Iterable[tuple[str, Fill | Order]] = [
        *((f"fills[{number}]", fill) for number, fill in draft.counted),
        *((f"orders[{number}]", order) for number, order in enumerate(draft.said.orders)),
        *(("orders", fill) for fill in draft.attached),
    ]
    for where, part in parts:
        effect = draft.effect(part.symbol, part.position_effect, where)
        if effects.setdefault(part.symbol, effect) is not effect:
            raise InvalidArgument(
                Reason.CONTRADICTION, f"{part.symbol} is opened and closed at once", f"{where}.position_effect"
            )
    return effects


def _find_chain(book: Book, draft: _Draft, effects: dict[str, PositionEffect]) -> tuple[Record | None, int]:
    """The chain as it stands (None: to be made, or none concerned), and the roll that the fills belong to:
    0 none, -1 one that begins now."""
    said = draft.said
    named = book.record(said.account, said.position_id) if said.position_id else None
    if named is not None:
        _check_identity(draft, named)
    if not draft.fills and not said.orders:
        return _find_for_empty(book, draft, named), 0
    repeated = _find_repeated(book, draft)
    if repeated is not None:
        return repeated, 0
    if said.action is Action.OPEN:
        return _find_for_open(draft, named, effects)
    if said.position_id and named is None:
        raise _not_found(said)
    if not draft.lively and said.status in _FAILED:
        return named, 0  # its orders never worked: a note on the chain, if one was named
    record = named or _holder(book, draft, effects)
    now = _standing(record, draft.time)
    opens_only = all(effect is OPENING for effect in effects.values())
    if said.action is Action.ROLL and opens_only and now.state is ChainState.FLAT:
        _check_not_rolled_back(record, now.half_roll, effects)
        return record, now.half_roll
    # Of what fills close, the fold says better how much was open.
    fills_close = any(effects[fill.symbol] is CLOSING for fill in draft.fills)
    if now.state is not ChainState.OPEN and not fills_close:
        raise _not_open(record, now.state, "position_id")
    return record, (_other_half(record, draft, effects) or -1) if said.action is Action.ROLL else 0


def _standing(record: Record, at: Micros) -> Standing:
    """How a chain stood at an instant. As it stands now, if that is after all that happened: then nothing is folded."""
    history, state = record.history, record.chain.state
    times = [fill.fill.executed_time for fill in history.fills]
    times += [delivered.expiry_time for delivered in history.deliveries.values()]
    times += [moment.time for moment in history.abandonments]
    if state is not ChainState.FLAT and at >= max(times, default=at):
        return Standing(state, 0)
    return standing(history, at)


def _find_repeated(book: Book, draft: _Draft) -> Record | None:
    """The chain that has all of it already: every trade known, every order its own. Then only states are news."""
    if draft.fills or not draft.holder_of_dropped:
        return None
    holder = draft.holder_of_dropped
    of_known_trades = {fill.order_id for fill in draft.said.fills}
    for order in draft.said.orders:
        owner = book.order_owner(draft.scope, order.order_id)
        if owner != holder and (owner is not None or order.order_id not in of_known_trades):
            return None
    return book.record(draft.said.account, holder)


def _other_half(record: Record, draft: _Draft, effects: dict[str, PositionEffect]) -> int:
    """The newest roll from and to the same contracts that has only its other side so far; 0 if none: a roll may be
    told in two executions, one closing, one opening."""
    sides = set(effects.values())
    if len(sides) != 1 or not draft.from_symbols or not draft.to_symbols:
        return 0
    for roll in reversed(record.history.rolls):
        done = {fill.effect for fill in record.history.fills if fill.roll_number == roll.number}
        names = set(roll.from_symbols) == set(draft.from_symbols) and set(roll.to_symbols) == set(draft.to_symbols)
        if names and done and not sides & done:
            return roll.number
    return 0


def _check_not_rolled_back(record: Record, half_roll: int, effects: dict[str, PositionEffect]) -> None:
    """From = to is refused in a roll that is completed later, too."""
    left = next(roll.from_symbols for roll in record.history.rolls if roll.number == half_roll)
    back = sorted(set(left) & set(effects))
    if back:
        raise InvalidArgument(Reason.CONTRADICTION, f"a roll from {back[0]} to itself", "fills[0].symbol")


def _find_for_open(
    draft: _Draft, named: Record | None, effects: dict[str, PositionEffect]
) -> tuple[Record | None, int]:
    """An OPEN makes a chain, or completes the half-done roll of the one it names."""
    said = draft.said
    if named is None:
        return None, 0
    now = _standing(named, said.executed_time)
    match now.state:
        case ChainState.FLAT:
            _check_not_rolled_back(named, now.half_roll, effects)
            return named, now.half_roll
        case ChainState.CLOSED:
            raise FailedPrecondition(
                Reason.POSITION_NOT_OPEN,
                f"{said.position_id} was closed at that time; open a new chain and link it by previous_position_id",
                "position_id",
            )
        case _:
            if not draft.lively and said.status in _FAILED:
                return named, 0
            advice = "use ADD" if now.state is ChainState.OPEN else "its fills come by RecordFills"
            raise FailedPrecondition(
                Reason.POSITION_EXISTS, f"{said.position_id} is {now.state} at that time; {advice}", "position_id"
            )


def _find_for_empty(book: Book, draft: _Draft, named: Record | None) -> Record | None:
    """The chain that an execution without fills and orders speaks of."""
    said = draft.said
    if said.fills:  # all of them were known
        holder = draft.holder_of_dropped
        return named or (book.record(said.account, holder) if holder else None)
    if said.status in _FAILED:
        if said.position_id and named is None and said.action is not Action.OPEN:
            raise _not_found(said)
        return named
    if said.action is Action.CLOSE and said.status is not ExecutionStatus.PARTIAL and said.position_id:
        if named is None:
            raise _not_found(said)
        if _standing(named, said.executed_time).state is ChainState.FLAT:
            return named
    raise InvalidArgument(Reason.MISSING_FIELD, f"{said.status} without a fill or an order", "fills")


def _holder(book: Book, draft: _Draft, effects: dict[str, PositionEffect]) -> Record:
    """The one chain of this strategy that held the named contracts at that time."""
    said = draft.said
    if said.action is Action.ADD:
        symbols = list(effects)
    else:
        symbols = [symbol for symbol, effect in effects.items() if effect is CLOSING] or list(draft.from_symbols)
    if not symbols:
        raise InvalidArgument(Reason.MISSING_FIELD, "name the chain, or the contract that it holds", "position_id")
    found: list[Record] = []
    for position_id in book.holders(draft.scope, symbols[0], draft.time):
        record = book.record(said.account, position_id)
        if record is None or _identity_conflict(draft, record):
            continue
        if all(held(record.history, symbol, draft.time) > 0 for symbol in symbols):
            found.append(record)
    if not found:
        raise NotFound(
            Reason.NO_CHAIN_HOLDS_CONTRACT,
            f"no {said.mode} chain of {said.strategy} held {', '.join(symbols)} at that time",
            "position_id",
        )
    if len(found) > 1:
        ids = [record.history.position_id for record in found[:10]]
        raise FailedPrecondition(
            Reason.AMBIGUOUS_CONTRACT,
            f"{len(found)} chains hold {', '.join(symbols)}: name one, such as {', '.join(ids[:3])}",
            "position_id",
            {"position_ids": ",".join(ids)},
        )
    return found[0]


def _identity_conflict(draft: _Draft, record: Record) -> str:
    """The attribute in which an execution and a chain differ; empty if none."""
    said, history = draft.said, record.history
    for name in ("mode", "venue", "strategy", "strategy_name"):
        if getattr(said, name) != getattr(history, name):
            return name
    if said.underlying and said.underlying != history.underlying:
        return "underlying"
    return ""


def _check_identity(draft: _Draft, record: Record) -> None:
    history = record.history
    different = _identity_conflict(draft, record)
    if different:
        raise FailedPrecondition(
            Reason.CHAIN_MISMATCH,
            f"{history.position_id} has {different} {getattr(history, different)!s}",
            different,
        )


def _check_same_money(draft: _Draft, record: Record) -> None:
    """One chain, one currency, one coin; and a contract means the same throughout."""
    history = record.history
    for chain_fill in history.fills:
        known = chain_fill.instrument
        found = draft.instruments.get(known.symbol)
        if found is None or found == known:
            continue
        if known.symbol in draft.given:
            raise InvalidArgument(
                Reason.INSTRUMENT_MISMATCH, f"the chain holds another {known.symbol}", "fills[0].instrument"
            )
        draft.instruments[known.symbol] = known  # given in full before, only named now
    for instrument in draft.instruments.values():
        for name in ("settlement_currency", "underlying"):
            if getattr(instrument, name) != getattr(history, name):
                raise InvalidArgument(
                    Reason.MIXED_CURRENCIES,
                    f"{history.position_id} has {name} {getattr(history, name)}, {instrument.symbol} has "
                    f"{getattr(instrument, name)}",
                    "fills[0].symbol" if draft.said.fills else "orders[0].symbol",
                )


def _check_orders(book: Book, draft: _Draft, position_id: str, record: Record | None) -> None:
    """An order belongs to one chain, and stays in its contract and direction."""
    said = draft.said
    parts: list[tuple[str, Fill | Order]] = [(f"orders[{n}]", order) for n, order in enumerate(said.orders)]
    parts += [(f"fills[{n}]", fill) for n, fill in draft.counted if fill.order_id]
    parts += [("fills", fill) for fill in draft.attached]
    for where, part in parts:
        owner = book.order_owner(draft.scope, part.order_id)
        if owner is not None and owner != position_id:
            raise FailedPrecondition(
                Reason.ORDER_OF_OTHER_CHAIN, f"order {part.order_id} belongs to {owner}", f"{where}.order_id"
            )
        if owner is not None and record is not None:
            check_against_order(record.history, part.order_id, part.symbol, part.side, where)


def _new_position_id(book: Book, said: Execution, underlying: str, place: Place) -> str:
    """A free name, for people: the coin and the revision that opened it."""
    name = f"{underlying}-{place.revision}" + (f"-{place.sequence}" if place.sequence > 1 else "")
    while book.record(said.account, name) is not None:
        name += "x"
    return name


def _write(book: Book, draft: _Draft, record: Record | None, roll: int, place: Place) -> Judgement:
    """The execution's entry, with what it makes of the chain, and the settlements that it meets."""
    said = draft.said
    moves = bool(draft.fills or said.orders)
    begins = moves and record is None and (draft.lively or said.status not in _FAILED)
    moves = moves and (begins or record is not None)
    position_id = record.history.position_id if record else ""
    underlying = currency = ""
    if begins:
        first = next(iter(draft.instruments.values()))
        underlying, currency = first.underlying, first.settlement_currency
        position_id = said.position_id or _new_position_id(book, said, underlying, place)
    elif record is not None and moves:
        _check_same_money(draft, record)
    if moves:
        _check_orders(book, draft, position_id, record)
    opens_roll = 0
    if roll == -1:
        opens_roll = len(record.history.rolls) + 1 if record and draft.lively else 0
        roll = opens_roll
    fills = _decided_fills(draft, roll) if moves else []
    body = ExecutionEntry(
        said=said,
        fills=tuple(decided for _, decided in fills),
        orders=_decided_orders(draft, roll, record) if moves else (),
        begins_chain=begins,
        underlying=underlying,
        settlement_currency=currency,
        opens_roll=opens_roll,
        from_symbols=draft.from_symbols if opens_roll else (),
        to_symbols=draft.to_symbols if opens_roll else (),
        abandons_roll=not moves and record is not None and said.action is Action.CLOSE and _abandons(draft),
        dropped_trade_ids=tuple(draft.dropped),
    )
    flags = fill_flags(fills)
    if draft.dropped:
        flags.append(Flag.TRADES_DROPPED)
    if draft.attached or draft.attached_orders:
        flags.append(Flag.FILLS_ATTACHED)

    entry = Entry(
        revision=place.revision,
        sequence=place.sequence,
        recorded_time=place.now,
        event_time=max((fill.executed_time for fill in draft.fills), default=said.executed_time),
        account=said.account,
        position_id=position_id,
        body=body,
    )
    records: dict[str, Record] = {}
    settled: list[Entry] = []
    if position_id:
        after = advance(record, entry)
        if any(
            quantity_differs(after.history, order.order_id, order.filled_quantity)
            for order in (*said.orders, *draft.attached_orders)
        ):
            flags.append(Flag.FILLED_QUANTITY_DIFFERS)
        if moves:
            settled, after = settle_on_arrival(book, draft.scope, after, place.following(1))
            if settled:
                flags.append(Flag.SETTLED_ON_ARRIVAL)
        records[position_id] = after
    answer = Answer(
        revision=place.revision,
        position_ids=(position_id,) if position_id else (),
        dropped_trade_ids=tuple(draft.dropped),
        flags=unique(flags),
    )
    flagged = replace(body, flags=answer.flags) if flags else body
    return Judgement((replace(entry, body=flagged, answer=answer), *settled), records)


def _abandons(draft: _Draft) -> bool:
    said = draft.said
    return not said.fills and not said.orders and said.status not in _FAILED


def _decided_fills(draft: _Draft, roll: int) -> list[tuple[Fill, DecidedFill]]:
    """Each fill that counts, with effect, fee and roll: the execution's own at their places, attached ones after."""
    decided: list[tuple[Fill, DecidedFill]] = []
    after = len(draft.said.fills)
    places: list[tuple[int, Fill, bool]] = [(number, fill, False) for number, fill in draft.counted]
    places += [(after + number, fill, True) for number, fill in enumerate(draft.attached)]
    for number, fill, carry in places:
        where = "orders" if carry else f"fills[{number}]"
        instrument = draft.instruments[fill.symbol]
        effect = draft.effect(fill.symbol, fill.position_effect, where)
        decided.append((fill, decide_fill(draft.scope, fill, instrument, effect, roll, number, carry)))
    return decided


def _decided_orders(draft: _Draft, roll: int, record: Record | None) -> tuple[DecidedOrder, ...]:
    """The execution's orders, then the states that had waited for them. An order that the chain knows stays what it
    is."""
    known = record.history.orders if record is not None else {}
    decided: list[DecidedOrder] = []
    places: dict[str, DecidedOrder] = {}
    for number, order in enumerate(draft.said.orders):
        before = known.get(order.order_id)
        if before is not None:
            one = DecidedOrder(place=number, effect=before.effect, roll_number=before.roll_number)
        else:
            effect = draft.effect(order.symbol, order.position_effect, f"orders[{number}]")
            one = DecidedOrder(place=number, effect=effect, roll_number=roll)
        places[order.order_id] = one
        decided.append(one)
    for fill in draft.fills:  # an order that only a fill names can have reports that waited for it, too
        if fill.order_id and fill.order_id not in places:
            effect = draft.effect(fill.symbol, fill.position_effect, "fills")
            places[fill.order_id] = DecidedOrder(place=0, effect=effect, roll_number=roll)
    decided += [
        replace(places[order.order_id], place=len(decided) + number, order=order)
        for number, order in enumerate(draft.attached_orders)
        if order.order_id in places
    ]
    return tuple(decided)


def _not_found(said: Execution) -> NotFound:
    return NotFound(Reason.POSITION_NOT_FOUND, f"account {said.account} has no chain {said.position_id}", "position_id")


def _not_open(record: Record, state: ChainState, where: str) -> FailedPrecondition:
    return FailedPrecondition(Reason.POSITION_NOT_OPEN, f"{record.history.position_id} was {state} at that time", where)
