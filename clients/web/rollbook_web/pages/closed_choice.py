"""The choice of closed chains: filters that stay in the address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from nicegui import ui

from rollbook.models import Mode
from rollbook_web.closed_chains import ClosedChain
from rollbook_web.closed_statistics import Choice, strategy_of
from rollbook_web.pages.parts import box, words

NAMES = ("mode", "account", "underlying", "strategy", "since", "until")


class ClosedChoice:
    """Fields, and what they say."""

    def __init__(self, query: Mapping[str, str], changed: Callable[[], Awaitable[None]]) -> None:
        self._query = {name: query.get(name, "") for name in NAMES}
        self._changed = changed
        self._offered: dict[str, list[str]] = {}
        self.choice = Choice.of(self._query)
        with box("bar", tag="form").props('aria-label="Which chains"').on("submit.prevent", js_handler="() => {}"):
            self._selects = {name: self._select(name) for name in ("mode", "account", "underlying", "strategy")}
            for name, title in (("since", "Closed from"), ("until", "Closed until")):
                with box("field", tag="label"):
                    words("span", title)
                    field = ui.element("input").props("type=date")
                    field.on("change", self._listen(name), js_handler=_kept(name))
                    field.props["value"] = self._query[name]
            box("grow")
            csv = words("a", "Download CSV", "plain").props("href=/closed.csv download")
            csv.on("click", js_handler="(e) => { e.currentTarget.href = '/closed.csv' + location.search }")
            csv.props["title"] = "All figures exact, of the chains that are chosen"

    def _listen(self, name: str) -> Callable[[Any], Awaitable[None]]:
        async def listen(event: Any) -> None:
            self._query[name] = str(event.args or "")
            self.choice = Choice.of(self._query)
            await self._changed()

        return listen

    def _select(self, name: str) -> ui.element:
        with box("field", tag="label"):
            words("span", name.capitalize())
            select = ui.element("select")
            select.on("change", self._listen(name), js_handler=_kept(name))
        return select

    def offer(self, chains: Iterable[ClosedChain]) -> None:
        """Offers what there is. What is chosen stays on offer."""
        chains = list(chains)
        values = {
            "mode": [mode.value for mode in (Mode.LIVE, Mode.DRY_RUN)],
            "account": sorted({chain.account for chain in chains}),
            "underlying": sorted({chain.underlying for chain in chains}),
            "strategy": sorted({strategy_of(chain) for chain in chains}),
        }
        for name, offered in values.items():
            chosen = self._query[name]
            if chosen and chosen not in offered:
                offered.append(chosen)
            if self._offered.get(name) != offered:
                self._offered[name] = offered
                self._draw(name, offered, chosen)

    def _draw(self, name: str, offered: list[str], chosen: str) -> None:
        self._selects[name].clear()
        with self._selects[name]:
            if name != "mode":
                words("option", "any").props["value"] = ""
            for value in offered:
                option = words("option", value.replace("_", " ") if name == "mode" else value)
                option.props["value"] = value
                if value == chosen:
                    option.props("selected")


def _kept(name: str) -> str:
    return f"(e) => {{ Rollbook.keep('{name}', e.target.value); emit(e.target.value) }}"
