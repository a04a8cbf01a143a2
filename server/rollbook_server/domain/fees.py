"""What the venue charges: fee tables as data, by the date from which they hold.

Source: Deribit's fee page and its change notes. Coin-settled options pay 3 bp of the underlying, linear ones paid
1 bp (maker) and 5 bp (taker) of the index until 2026-07-31 and pay 3 bp since; all are capped at 12.5 % of the
premium. Delivery costs 1.5 bp, capped at 12.5 % of the payoff; dailies and worthless options pay nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from rollbook_server.domain.clock import Micros, micros
from rollbook_server.domain.decimals import ZERO, exact, quotient, rounded
from rollbook_server.domain.executions import Fill, Liquidity
from rollbook_server.domain.instruments import DERIBIT, ContractStyle, Instrument
from rollbook_server.domain.settlement import intrinsic


@dataclass(frozen=True, slots=True)
class FeeTable:
    """Rates of one venue from an instant on: of the coin (inverse) or of the index (linear)."""

    effective: Micros
    inverse: Decimal
    linear_maker: Decimal
    linear_taker: Decimal
    premium_cap: Decimal
    delivery: Decimal
    payoff_cap: Decimal


_TABLES: dict[str, tuple[FeeTable, ...]] = {
    DERIBIT: (
        FeeTable(
            effective=0,
            inverse=Decimal("0.0003"),
            linear_maker=Decimal("0.0001"),
            linear_taker=Decimal("0.0005"),
            premium_cap=Decimal("0.125"),
            delivery=Decimal("0.00015"),
            payoff_cap=Decimal("0.125"),
        ),
        FeeTable(
            effective=micros(datetime(2026, 8, 1, tzinfo=UTC)),
            inverse=Decimal("0.0003"),
            linear_maker=Decimal("0.0003"),
            linear_taker=Decimal("0.0003"),
            premium_cap=Decimal("0.125"),
            delivery=Decimal("0.00015"),
            payoff_cap=Decimal("0.125"),
        ),
    )
}


def fee_tables(venue: str) -> tuple[FeeTable, ...]:
    """All tables of `venue`, oldest first; none for a venue whose fees are not known."""
    return _TABLES.get(venue, ())


def fee_table(venue: str, at: Micros) -> FeeTable | None:
    """The table of `venue` in force at an instant; None for a venue whose fees are not known."""
    known = [table for table in fee_tables(venue) if table.effective <= at]
    return known[-1] if known else None


@exact
def estimate_fee(venue: str, instrument: Instrument, fill: Fill) -> Decimal | None:
    """The fee that the table asks for a fill, in the settlement currency; None if it cannot be known (another venue,
    or a linear contract without an index). Unknown liquidity pays the dearer rate."""
    table = fee_table(venue, fill.executed_time)
    if table is None:
        return None
    quantity = fill.quantity * instrument.multiplier
    cap = table.premium_cap * fill.price
    if instrument.style is ContractStyle.INVERSE:
        return min(table.inverse, cap) * quantity
    if fill.index_price is None:
        return None
    maker = fill.liquidity is Liquidity.MAKER
    rate = table.linear_maker if maker else max(table.linear_maker, table.linear_taker)
    return min(rate * fill.index_price, cap) * quantity


@exact
def delivery_fee(venue: str, instrument: Instrument, quantity: Decimal, delivery_price: Decimal) -> Decimal | None:
    """The fee for delivering `quantity` (> 0), rounded once; None for a venue whose fees are not known. The cap is
    taken of the payoff before its own rounding."""
    table = fee_table(venue, instrument.expiry_time)
    if table is None:
        return None
    value, divisor = intrinsic(instrument, delivery_price)
    if not value or instrument.daily:
        return ZERO
    coins = quantity * instrument.multiplier
    places = instrument.money_places
    full = table.delivery * coins
    if instrument.style is ContractStyle.LINEAR:
        full *= delivery_price
    return min(rounded(full, places), quotient(table.payoff_cap * coins * value, divisor, places))
