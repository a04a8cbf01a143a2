"""How the book's value went, drawn from the ledger's own history."""

from collections.abc import Sequence
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table

from rollbook import AsyncClient, Mode, ValueSample

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 48


def sparkline(values: Sequence[Decimal], width: int = WIDTH) -> str:
    """One block for each of `width` slices of time: the last value in it, between the lowest and the highest."""
    if not values:
        return ""
    picked = values
    if width < len(values):
        picked = [values[(place + 1) * len(values) // width - 1] for place in range(width)]
    low, high = min(values), max(values)
    span = high - low or Decimal(1)
    return "".join(BLOCKS[int((value - low) / span * (len(BLOCKS) - 1))] for value in picked)


async def show_history(ledger: AsyncClient, console: Console, currencies: Sequence[str]) -> None:
    """Realized and unrealized PnL together, per currency, from the first mark to the last."""
    table = Table(
        title="PnL of the book over time, realized and open: the first value of each minute, kept for charts",
        title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False, padding=0,
    )  # fmt: skip
    table.add_column("")
    table.add_column(" From the first mark to the last", no_wrap=True)
    for name in (" Lowest", " Highest", " Last"):
        table.add_column(name, justify="right")
    for currency in currencies:
        samples = [
            sample
            async for sample in ledger.iterate_valuations(
                mode=Mode.DRY_RUN, settlement_currency=currency, page_size=500
            )
        ]
        values = [pnl for sample in samples if (pnl := _pnl(sample)) is not None]
        if values:
            figures = (min(values), max(values), values[-1])
            table.add_row(currency, f" {sparkline(values)}", *(_text(value, currency) for value in figures))
    console.print(table)
    console.print()


def _pnl(sample: ValueSample) -> Decimal | None:
    """None where a chain had no mark: the sum would jump."""
    if sample.missing_marks or sample.net_pnl is None or sample.unrealized_pnl is None:
        return None
    return sample.net_pnl + sample.unrealized_pnl


def _text(value: Decimal, currency: str) -> str:
    text = f"{value:+,.2f}" if currency == "USDC" else f"{value:+.5f}"
    return f" [red]{text}[/]" if value < 0 else f" [green]{text}[/]"
