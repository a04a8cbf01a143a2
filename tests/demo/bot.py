"""The dry-run bot. The ledger is its memory: at each snapshot it asks what is held, decides and records."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from rollbook import (
    Action,
    AsyncClient,
    ChainState,
    ExecutionResult,
    ExecutionStatus,
    FailedPrecondition,
    Greeks,
    LegState,
    Mark,
    Mode,
    Order,
    OrderState,
    PositionChain,
    PositionLeg,
    RecordSettlementRequest,
    Side,
    new_request_id,
)
from tests.demo.dry_run import DryRunVenue, execution
from tests.demo.market import Market, Quote, Snapshot
from tests.demo.story import Event, Story
from tests.demo.strategies import HOLD, STRATEGIES, Decision, Move, Strategy, decide, pick

PATIENCE = timedelta(days=1)
"""How long a limit order rests."""
LOST_ANSWER = 4
"""The answer to this execution counts as lost, and the bot sends it again."""
ENTRY = Decision(Move.ADD, "entry", "nearest to the target delta")


class Bot:
    """Trades the strategies, one snapshot after the other, and has each kind of mishap once."""

    def __init__(self, ledger: AsyncClient, market: Market, story: Story) -> None:
        self._ledger, self.market, self._story = ledger, market, story
        self._venue = DryRunVenue()
        self._entered: dict[Strategy, date] = {}
        self._chains: Counter[Strategy] = Counter()
        self._executions = 0
        self._venue_fails = True
        self._bot_forgets = True

    async def step(self, snapshot: Snapshot) -> None:
        """All that is to be done about one product at one instant."""
        self._story.snapshot(snapshot.time)
        await self._settle(snapshot)
        held = {chain.strategy_name: chain for chain in await self._held()}
        for strategy in STRATEGIES:
            if strategy.product == snapshot.product:
                await self._trade(strategy, held.get(strategy.name), snapshot)
        await self._send_marks(snapshot)

    async def keep(self, snapshot: Snapshot) -> None:
        """What is held is settled and marked; nothing is traded."""
        await self._settle(snapshot)
        await self._send_marks(snapshot)

    async def _held(self) -> tuple[PositionChain, ...]:
        """Chains that are not over, by the ledger."""
        states = (ChainState.PENDING, ChainState.OPEN, ChainState.FLAT)
        return (await self._ledger.list_chains(mode=Mode.DRY_RUN, states=states, page_size=500)).chains

    async def _settle(self, snapshot: Snapshot) -> None:
        """Report the delivery price of each expiry that has passed over something held."""
        expired = {
            (expiry, leg.instrument.index_name, leg.instrument.underlying)
            for chain in await self._held()
            for leg in chain.legs
            if leg.state in (LegState.OPEN, LegState.AWAITING_DELIVERY)
            and leg.instrument is not None
            and (expiry := leg.instrument.expiry_time) is not None
            and expiry <= snapshot.time
        }
        for expiry, index_name, coin in sorted(expired):
            price = self.market.delivery_price(coin, expiry)
            answer = await self._ledger.record_settlement(
                RecordSettlementRequest(
                    request_id=new_request_id(),
                    mode=Mode.DRY_RUN,
                    index_name=index_name,
                    expiry_time=expiry,
                    delivery_price=price,
                )
            )
            for position_id in answer.position_ids:
                self._story.count(Event.SETTLED)
                self._story.tell_first(
                    snapshot.time,
                    "settle",
                    f"{position_id} is settled: {index_name} of {expiry:%d %b} at {price:,}, {self.market.delivery}",
                )

    async def _send_marks(self, snapshot: Snapshot) -> None:
        """What the contracts that are held are worth."""
        legs = [leg for chain in await self._held() for leg in chain.legs if leg.state is LegState.OPEN]
        symbols = {leg.instrument.symbol for leg in legs if leg.instrument is not None}
        marks = [_mark(quote, snapshot) for symbol in sorted(symbols) if (quote := snapshot.quotes.get(symbol))]
        if marks:
            await self._ledger.update_marks(marks, mode=Mode.DRY_RUN)

    async def _trade(self, strategy: Strategy, chain: PositionChain | None, snapshot: Snapshot) -> None:
        if chain is None:
            await self._enter(strategy, snapshot)
        elif chain.working_orders:
            await self._follow_order(strategy, chain, chain.working_orders[0], snapshot)
        elif chain.state is ChainState.FLAT:
            await self._complete_roll(strategy, chain, snapshot)
        else:
            leg = next(leg for leg in chain.legs if leg.state is LegState.OPEN)
            await self._manage(strategy, chain, leg, snapshot)

    async def _enter(self, strategy: Strategy, snapshot: Snapshot) -> None:
        """Open a chain, unless today had one already."""
        quote = pick(strategy, snapshot)
        if quote is None or self._entered.get(strategy) == snapshot.time.date():
            return
        self._entered[strategy] = snapshot.time.date()
        self._chains[strategy] += 1
        position_id = f"{strategy.name}-{self._chains[strategy]}"
        what = f"{strategy.quantity} {quote.symbol}"
        if strategy.rests:
            order = self._venue.rest(quote, Side.SELL, strategy.quantity)
            opening = execution(strategy, Action.OPEN, position_id, ENTRY, snapshot)
            await self._record(replace(opening, status=ExecutionStatus.RESTING, orders=(order,)), snapshot)
            self._story.tell_first(
                snapshot.time, "rest", f"{position_id} offers {what} at {order.limit_price}: a limit order, resting"
            )
            return
        fill = self._venue.sell(quote, strategy.quantity, snapshot)
        await self._record(execution(strategy, Action.OPEN, position_id, ENTRY, snapshot, fill), snapshot)
        self._story.count(Event.OPENED)
        self._story.tell_first(
            snapshot.time,
            "open",
            f"{position_id} opens: sells {what} at {fill.price}, {quote.days:.1f} days, delta {quote.delta:+.2f}",
        )

    async def _follow_order(self, strategy: Strategy, chain: PositionChain, order: Order, snapshot: Snapshot) -> None:
        """A resting order fills in two trades when the market comes to it, or is taken back after a day."""
        quote = snapshot.quotes.get(order.symbol)
        if quote is None or order.limit_price is None or order.quantity is None or order.update_time is None:
            return
        if quote.bid is not None and quote.bid >= order.limit_price:
            filled = chain.open_quantity or Decimal(0)
            quantity = order.quantity - filled if filled else strategy.half(order.quantity)
            await self._ledger.record_fills(self._venue.fill_resting(order, quantity, quote, snapshot))
            if filled:
                await self._ledger.record_fills(self._venue.end(order, OrderState.FILLED, snapshot))
                self._story.tell_first(
                    snapshot.time, "filled", f"{chain.position_id}: the rest of its order fills as well"
                )
            else:
                self._story.count(Event.OPENED)
                self._story.tell_first(
                    snapshot.time,
                    "partly filled",
                    f"{chain.position_id}: half of its limit order fills, reported by RecordFills",
                )
        elif snapshot.time - order.update_time >= PATIENCE:
            await self._ledger.record_fills(self._venue.end(order, OrderState.CANCELLED, snapshot))
            self._story.tell_first(
                snapshot.time, "taken back", f"{chain.position_id}: its limit order has not filled in a day, taken back"
            )

    async def _manage(self, strategy: Strategy, chain: PositionChain, leg: PositionLeg, snapshot: Snapshot) -> None:
        """What the rules say about an open leg."""
        symbol = leg.instrument.symbol if leg.instrument else ""
        quote = snapshot.quotes.get(symbol)
        if quote is None or leg.open_quantity is None or leg.opened_quantity is None:
            return
        decision = decide(strategy, chain, leg, quote)
        if decision is not HOLD and quote.ask is None:
            self._story.count(Event.WAITED)
            return
        match decision.move:
            case Move.ADD:
                await self._add(strategy, chain, quote, decision, snapshot)
            case Move.CLOSE_HALF:
                quantity = strategy.half(leg.open_quantity)
                fill = self._venue.buy(quote, quantity, snapshot)
                await self._record(
                    execution(strategy, Action.CLOSE, chain.position_id, decision, snapshot, fill), snapshot
                )
                self._story.count(Event.HALVED)
                self._story.tell_first(
                    snapshot.time,
                    "half",
                    f"{chain.position_id} buys back {quantity} of {leg.open_quantity}: {decision.reason}",
                )
            case Move.CLOSE:
                await self._close(strategy, chain, leg, quote, decision, snapshot)
            case Move.ROLL:
                await self._roll(strategy, chain, quote, leg.open_quantity, decision, snapshot)

    async def _add(
        self, strategy: Strategy, chain: PositionChain, quote: Quote, decision: Decision, snapshot: Snapshot
    ) -> None:
        fill = self._venue.sell(quote, strategy.half(strategy.quantity), snapshot)
        await self._record(execution(strategy, Action.ADD, chain.position_id, decision, snapshot, fill), snapshot)
        self._story.count(Event.ADDED)
        self._story.tell_first(
            snapshot.time, "add", f"{chain.position_id} adds {fill.quantity} at {fill.price}: {decision.reason}"
        )

    async def _close(
        self,
        strategy: Strategy,
        chain: PositionChain,
        leg: PositionLeg,
        quote: Quote,
        decision: Decision,
        snapshot: Snapshot,
    ) -> None:
        """Buy all back; once, the bot forgets that a part is bought back already."""
        assert leg.open_quantity is not None
        assert leg.opened_quantity is not None
        fill = self._venue.buy(quote, leg.open_quantity, snapshot)
        closing = execution(strategy, Action.CLOSE, chain.position_id, decision, snapshot, fill)
        if self._bot_forgets and leg.open_quantity < leg.opened_quantity:
            self._bot_forgets = False
            try:
                await self._record(replace(closing, fills=(replace(fill, quantity=leg.opened_quantity),)), snapshot)
            except FailedPrecondition as refused:
                self._story.tell(
                    snapshot.time,
                    f"{chain.position_id}: a close of {leg.opened_quantity} is refused ({refused.reason}); "
                    f"corrected to {leg.open_quantity} and sent again, same request_id",
                )
        await self._record(closing, snapshot)
        self._story.count(Event.BOUGHT_BACK)

    async def _roll(
        self,
        strategy: Strategy,
        chain: PositionChain,
        held: Quote,
        quantity: Decimal,
        decision: Decision,
        snapshot: Snapshot,
    ) -> None:
        """Buy one contract back and sell another; once, the venue takes only the first of the two orders."""
        target = pick(strategy, snapshot, instead_of=held.symbol)
        if target is None:
            self._story.count(Event.WAITED)
            return
        bought = self._venue.buy(held, quantity, snapshot)
        rolling = execution(strategy, Action.ROLL, chain.position_id, decision, snapshot, bought)
        rolling = replace(rolling, from_symbols=(held.symbol,), to_symbols=(target.symbol,))
        if self._venue_fails:
            self._venue_fails = False
            rejected = self._venue.reject(target, Side.SELL, quantity, "not_enough_funds")
            await self._record(
                replace(
                    rolling,
                    status=ExecutionStatus.PARTIAL,
                    orders=(rejected,),
                    errors=(f"{target.symbol}: not_enough_funds",),
                ),
                snapshot,
            )
            self._story.tell(
                snapshot.time,
                f"{chain.position_id} is to roll ({decision.reason}): its first order fills, "
                "its second order is rejected, and it is FLAT",
            )
            return
        sold = self._venue.sell(target, quantity, snapshot)
        await self._record(replace(rolling, fills=(bought, sold)), snapshot)
        self._story.count(Event.ROLLED)
        self._story.tell_first(
            snapshot.time,
            "roll",
            f"{chain.position_id} rolls from {held.symbol} at {bought.price} to {target.symbol} at {sold.price}",
        )

    async def _complete_roll(self, strategy: Strategy, chain: PositionChain, snapshot: Snapshot) -> None:
        """The missing half of a roll: an OPEN that names the chain."""
        bought = (await self._ledger.get_chain(chain.position_id)).lines[-1]
        target = pick(strategy, snapshot, instead_of=bought.symbol)
        if target is None or bought.quantity is None:
            self._story.count(Event.WAITED)
            return
        sold = self._venue.sell(target, bought.quantity, snapshot)
        decision = Decision(Move.ROLL, "complete_roll", "the second order of the roll had been rejected")
        await self._record(execution(strategy, Action.OPEN, chain.position_id, decision, snapshot, sold), snapshot)
        self._story.count(Event.ROLLED)
        self._story.tell(
            snapshot.time, f"{chain.position_id}: an OPEN that names it completes the roll, into {target.symbol}"
        )

    async def _record(self, result: ExecutionResult, snapshot: Snapshot) -> None:
        """Send it; once, as if the answer had been lost on its way, send it again."""
        answer = await self._ledger.record_execution(result)
        self._executions += 1
        if self._executions == LOST_ANSWER:
            again = await self._ledger.record_execution(result)
            status = await self._ledger.get_server_status()
            self._story.tell(
                snapshot.time,
                f"{answer.position_id}: the same execution sent twice: one effect (revision {answer.revision} "
                f"and {again.revision}, the ledger at {status.revision})",
            )


def _mark(quote: Quote, snapshot: Snapshot) -> Mark:
    return Mark(
        symbol=quote.symbol,
        mark_time=snapshot.time,
        mark_price=quote.mark,
        index_price=snapshot.index_price,
        best_bid_price=quote.bid,
        best_ask_price=quote.ask,
        underlying_price=quote.forward,
        mark_volatility=quote.volatility,
        greeks=Greeks(delta=quote.delta),
    )
