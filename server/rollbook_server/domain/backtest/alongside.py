"""The engine alongside a chain of the ledger: at its prices, by its fees, at its times, and by its rules."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rollbook_server.domain.backtest.engine import prepare
from rollbook_server.domain.backtest.followed import Followed, OwnFill, OwnTrade, not_comparable
from rollbook_server.domain.backtest.market import Floats, Ints, MarketData
from rollbook_server.domain.backtest.outcomes import ParityFlag
from rollbook_server.domain.backtest.rerun import PURCHASE, SALE, SETTLEMENT, TRADE, carry_on, choice, fill
from rollbook_server.domain.backtest.rows import BacktestChain, Trigger
from rollbook_server.domain.backtest.spec import BacktestSpec, FillPrice, QuoteSource
from rollbook_server.domain.backtest.timeline import STALE_LEVEL, levels, resampled, snapshots_at
from rollbook_server.domain.backtest.world import NOTHING, SHORT_DATED, Record
from rollbook_server.domain.chains import LineKind
from rollbook_server.domain.clock import SECOND, Micros, moment
from rollbook_server.domain.errors import FailedPrecondition, Reason
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle, OptionType, deribit_symbol

LATENCY_SHARE = 12
"""A fill up to a twelfth of a bar after its open (five minutes of an hour) was decided at that open: a bot that acts on
the hour has its fill some seconds later."""

_NUMBERS = {LineKind.OPENING: SALE, LineKind.CLOSING: PURCHASE, LineKind.SETTLEMENT: SETTLEMENT}
_KINDS = dict(zip(_NUMBERS.values(), _NUMBERS, strict=True))


def in_usd(style: ContractStyle, cash: float, index_price: float) -> float:
    """Cash in the settlement currency at an index."""
    return cash * index_price if style is ContractStyle.INVERSE else cash


def demand_kind(spec: BacktestSpec, chain: Followed) -> None:
    """Raises FailedPrecondition where a spec is of other contracts than the chain's, or a wheel's, whose chains hang on
    its coins."""
    calls = chain.option_type is OptionType.CALL
    matches = {
        "underlying": spec.underlying == chain.underlying,
        "style": spec.style is chain.style,
        "strategy": spec.strategy is (StrategyKind.COVERED_CALL if calls else StrategyKind.CASH_SECURED_PUT),
    }
    for name, same in matches.items():
        if not same:
            sold = f"{chain.style.lower()} {chain.option_type.lower()}s on {chain.underlying}"
            raise not_comparable(
                f"the chain sold {sold}, and the spec's {name} is {getattr(spec, name)}", f"spec.{name}"
            )


def _unknown(sentence: str, field: str = "spec.data.spot_dataset_id") -> FailedPrecondition:
    """The refusal where the lab's data or model has no answer."""
    return FailedPrecondition(Reason.MARKET_UNKNOWN, sentence, field)


def _minute(time: Micros) -> str:
    return f"{moment(time):%Y-%m-%d %H:%M} UTC"


def _place(times: Ints, interval: Micros, decided: Micros) -> int:
    """The bar at whose open the engine does what was decided at an instant. Raises FailedPrecondition where that bar
    is not there."""
    since = decided - interval // LATENCY_SHARE
    place = int(np.searchsorted(times, since))
    if place == len(times) or times[place] - since >= interval:
        raise _unknown(f"the data has no bar for what was done at {_minute(decided)}")
    return place


class Alongside:
    """The engine beside one chain: a run that begins with the bar at which the first sale would have been, to the end
    of the data. Raises FailedPrecondition where the data has no answer."""

    def __init__(self, spec: BacktestSpec, data: MarketData, chain: Followed) -> None:
        assert spec.bar_minutes is not None
        self._data, self._chain = data, chain
        self._bars = resampled(data.bars, spec.bar_minutes * 60 * SECOND)
        first = _place(self._bars.time, self._bars.interval, chain.open_time)
        end = int(self._bars.time[-1]) + self._bars.interval
        self.spec = replace(spec, start_time=int(self._bars.time[first]), end_time=end)
        """Its period is that of the data from there on."""
        self._prepared = prepare(self.spec, data)
        self._market = self._prepared.market
        self._modelled = spec.fills.quotes is QuoteSource.MODEL
        self._without_offer = self._settled = False
        for trade in chain.trades:
            self._judge(trade)

    def _judge(self, trade: OwnTrade) -> None:
        if trade.kind is LineKind.SETTLEMENT:
            known = self._bars.time + self._bars.interval
            place = int(np.searchsorted(known, trade.expiry, side="right")) - 1
            if trade.expiry - int(known[place]) >= self._bars.interval:
                raise _unknown(f"the data has no bar before the expiry at {_minute(trade.expiry)}")
        modelled = self._modelled and not self.spec.volatility.allow_short_dated
        sold_late = trade.kind is LineKind.OPENING and trade.expiry - trade.fills[-1].time < SHORT_DATED
        if modelled and sold_late:
            raise _unknown(
                f"{trade.symbol} was sold with less than five days left, and modelled prices of such are refused "
                "unless the spec's volatility.allow_short_dated says so",
                "spec.volatility.allow_short_dated",
            )

    def _contract(self, trade: OwnTrade) -> int:
        """Its number among the recorded ones."""
        if self._modelled:
            return NOTHING
        contracts = self._market.contracts
        calls = (contracts["is_call"] != 0) == self._prepared.rules.is_call
        same = calls & (contracts["expiry"] == trade.expiry) & (contracts["strike"] == trade.strike)
        if not same.any():
            raise _unknown(f"the recorded chains have no quote of {trade.symbol}", "spec.data.quotes_dataset_id")
        return int(np.flatnonzero(same)[0])

    # -- the chain's own trades ---------------------------------------------------------------------------------

    def repriced(self) -> list[list[OwnFill]]:
        """The fills of each trade at their own times, at the engine's prices and by its fees. At a bar's open the index
        is that of the data, between two of them the fill's own."""
        fills = [(trade, own) for trade in self._chain.trades for own in trade.fills]
        asked = np.zeros(len(fills), TRADE)
        known = self._known(np.array([own.time for _, own in fills], np.int64))
        for record, (trade, own), level, snapshot in zip(asked, fills, *known, strict=True):
            self._ask(record, trade, own.time, own.coins)
            place = int(np.searchsorted(self._market.bars["time"], own.time))
            if place < len(self._market.bars) and self._market.bars["time"][place] == own.time:
                self._at_open(record, place)
            else:
                record["index"], record["level"], record["snapshot"] = own.index_price, level, snapshot
        answers = iter(self._answered(asked, [trade for trade, _ in fills]))
        return [[next(answers) for _ in trade.fills] for trade in self._chain.trades]

    def _known(self, times: Ints) -> tuple[Floats, Ints]:
        """The level at the money and the snapshot at some instants."""
        if not self._modelled:
            assert self._data.chains is not None
            return np.full(len(times), np.nan), snapshots_at(self._data.chains, times)
        level, age = levels(self.spec, self._data, self._bars, times)
        for time, value, old in zip(times.tolist(), level.tolist(), age.tolist(), strict=True):
            if not value > 0 or old > STALE_LEVEL:
                raise _unknown(f"no volatility is known at {_minute(time)}", "spec.data.volatility_dataset_id")
        return level, np.full(len(times), NOTHING)

    def moved(self) -> list[tuple[LineKind, OwnFill]]:
        """Each trade at the open of its bar. What would have been bought back after its expiry is settled."""
        asked = np.zeros(len(self._chain.trades), TRADE)
        for record, trade in zip(asked, self._chain.trades, strict=True):
            self._ask(record, trade, trade.expiry, self._chain.coins)
            if trade.kind is LineKind.SETTLEMENT:
                continue
            place = _place(self._market.bars["time"], self._market.interval, trade.decided_time)
            if self._market.bars["time"][place] < trade.expiry:
                self._at_open(record, place)
            elif trade.kind is LineKind.CLOSING:
                record["kind"] = SETTLEMENT
            else:
                raise not_comparable(f"{trade.symbol} was sold after the last bar before its expiry")
        filled = self._answered(asked, self._chain.trades)
        return [(_KINDS[int(record["kind"])], own) for record, own in zip(asked, filled, strict=True)]

    def _ask(self, record: Record, trade: OwnTrade, time: Micros, coins: float) -> None:
        record["kind"], record["time"], record["coins"] = _NUMBERS[trade.kind], time, coins
        record["expiry"], record["strike"], record["contract"] = trade.expiry, trade.strike, self._contract(trade)

    def _at_open(self, record: Record, place: int) -> None:
        bar = self._market.bars[place]
        record["time"], record["index"] = bar["time"], bar["open"]
        record["level"], record["snapshot"] = bar["level_at_open"], bar["snapshot_at_open"]

    def _answered(self, asked: Any, trades: Sequence[OwnTrade]) -> list[OwnFill]:
        """What the engine would have filled."""
        fill(self._prepared, asked)
        for record, trade in zip(asked, trades, strict=True):
            if not math.isfinite(record["price"]):
                verb = "buy" if record["kind"] == PURCHASE else "sell"
                raise self._no_price(f"to {verb} {trade.symbol} at {_minute(int(record['time']))}")
            self._without_offer |= bool(record["without_offer"])
            self._settled |= bool(record["kind"] == SETTLEMENT)
        return [self._own(dict(zip(TRADE.names or (), record.item(), strict=True))) for record in asked]

    def _own(self, answer: dict[str, Any]) -> OwnFill:
        traded = answer["coins"] * answer["price"]
        cash = (traded if answer["kind"] == SALE else -traded) - answer["fee"]
        return OwnFill(
            time=answer["time"],
            coins=answer["coins"],
            price=answer["price"],
            fee=answer["fee"],
            index_price=answer["index"],
            cash=cash,
            cash_usd=in_usd(self._chain.style, cash, answer["index"]),
        )

    def _no_price(self, what: str) -> FailedPrecondition:
        field = "spec.data.spot_dataset_id" if self._modelled else "spec.data.quotes_dataset_id"
        return _unknown(f"the lab has no price {what}", field)

    # -- the engine's own chain ---------------------------------------------------------------------------------

    def own_chain(self) -> BacktestChain:
        """The chain's first contract sold at the open of its bar, and the rules from there on."""
        first = self._chain.trades[0]
        chain = carry_on(self._prepared, first.expiry, first.strike, self._contract(first))
        if chain is None:
            raise self._no_price(f"above its fee to sell {first.symbol} at {_minute(self.spec.start_time or 0)}")
        if chain.open_at_end:
            held = chain.legs[-1].symbol
            raise _unknown(f"the lab still holds {held} where the data ends, {_minute(self.spec.end_time or 0)}")
        return chain

    def choice(self) -> str:
        """What the rules would have sold in place of the chain's first contract; empty: nothing."""
        chosen = choice(self._prepared)
        if chosen is None:
            return ""
        calls = self._chain.option_type is OptionType.CALL
        return deribit_symbol(self._chain.underlying, self._chain.style, *chosen, calls)

    def flags(self, own_chain: BacktestChain) -> tuple[ParityFlag, ...]:
        """What of all this is a guess, when it has been asked for."""
        told = {
            ParityFlag.MODELLED_QUOTES: self._modelled,
            ParityFlag.PROXY_DELIVERY: self._settled or any(leg.trigger == Trigger.EXPIRY for leg in own_chain.legs),
            ParityFlag.SYNTHETIC_DATA: self._data.bars.synthetic,
            ParityFlag.MID_FILLS: self.spec.fills.price is FillPrice.MID,
            ParityFlag.WITHOUT_OFFER: self._without_offer or any(leg.without_offer for leg in own_chain.legs),
            ParityFlag.SIMULATED_FILLS: self._chain.simulated,
            ParityFlag.ESTIMATED_FEES: self._chain.fees_estimated,
        }
        return tuple(flag for flag, holds in told.items() if holds)
