"""A made-up market, asked for in a dialog: bars and their volatility index, by a seed."""

from __future__ import annotations

from datetime import UTC, datetime

from nicegui import ui

from rollbook import AsyncLab, DatasetKind, LedgerError, SyntheticMarket
from rollbook_web.pages.parts import box, words
from rollbook_web.pages.press import Press


async def ask_for_market(lab: AsyncLab) -> bool:
    """Asks, has it made, and returns whether it was."""
    with ui.dialog() as dialog, ui.card().classes("panel ask stack"):
        words("h2", "A synthetic market")
        words(
            "p",
            "Seeded random bars with regimes, and their volatility index: it shows how rules work, not what they earn.",
        )
        with box("spec-fields"):
            coin = ui.select({"BTC": "BTC", "ETH": "ETH"}, label="Coin", value="BTC").props("behavior=menu")
            seed = ui.input("Seed", value="1").props("inputmode=numeric")
            start = ui.input("First day (UTC)", value="2021-04-01")
            days = ui.input("Days", value="730").props("inputmode=numeric")
        fields = {"underlying": coin, "seed": seed, "start_time": start, "days": days}
        for element in fields.values():
            element.props("dense outlined stack-label hide-bottom-space")
        complaint = words("p", "", "complaint").props("role=alert")

        async def make() -> None:
            for element in fields.values():
                element.error = None
            try:
                market = SyntheticMarket(seed=int(seed.value), start_time=_day(start.value), days=int(days.value))
                market.to_proto()
            except ValueError as error:
                complaint.say(f"Seed and days are whole numbers, the first day is like 2021-04-01: {error}")
                return
            button.allow(False)
            try:
                for kind in (DatasetKind.BARS, DatasetKind.VOLATILITY):
                    name = f"synthetic-{coin.value.lower()}"
                    await lab.register_dataset(kind=kind, underlying=coin.value, synthetic=market, name=name)
            except LedgerError as error:
                at = fields.get(error.field.rpartition(".")[2])
                if at is not None:
                    at.error = error.message
                else:
                    complaint.say(error.message)
                return
            finally:
                button.allow(True)
            dialog.submit(True)

        with box("bar"):
            button = Press("Make it", make, "primary")
            Press("Leave it", lambda: dialog.submit(False))
    made = await dialog
    dialog.delete()
    return bool(made)


def _day(text: str) -> datetime:
    moment = datetime.fromisoformat(text.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
