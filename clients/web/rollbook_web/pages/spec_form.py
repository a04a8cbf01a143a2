"""The form of a backtest as it stands in a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from rollbook import BacktestSpec, Dataset
from rollbook_web.pages import lab_form
from rollbook_web.pages.lab_fields import FIELDS, GROUPS, Field, Group, usual
from rollbook_web.pages.lab_form import DATASETS, ON
from rollbook_web.pages.parts import box, words

NONE = ""
"""The choice of a field that stays blank."""


class SpecForm:
    """Inputs for all fields of a spec. What stays blank shows what the server makes of it."""

    def __init__(self, datasets: Sequence[Dataset], below: Mapping[str, Callable[[], object]] | None = None) -> None:
        """
        Args:
            datasets: What can be chosen from.
            below: By the name of a group, what makes something that stands below its fields.
        """
        self._datasets = list(datasets)
        self._inputs: dict[str, ValidationElement[Any]] = {}
        self._switches: dict[str, ui.checkbox] = {}
        self._parts: dict[str, ui.expansion] = {}
        self._filling = False
        self._below = below or {}
        self._usual: dict[str, str] = {}
        for group in GROUPS:
            self._group(group)
        self.say({**lab_form.FIRST, **lab_form.preferred(self._datasets, lab_form.FIRST["underlying"])})

    # -- what it says ----------------------------------------------------------------------------------------------

    @property
    def said(self) -> dict[str, str]:
        """What stands in the form, by path."""
        texts = {path: str(element.value or "") for path, element in self._inputs.items()}
        return texts | {path: ON if switch.value else "" for path, switch in self._switches.items()}

    def say(self, said: Mapping[str, str]) -> None:
        """Fills the whole form in; what is not said is blank."""
        self._filling = True
        self._offer(said.get("underlying", ""))
        for path, element in self._inputs.items():
            value = said.get(path, NONE)
            if isinstance(element, ui.select) and value not in element.options:
                element.options = {**dict(element.options), value: f"{value} (it is not here)"}
            element.value = value
            element.error = None
        for path, switch in self._switches.items():
            switch.value = said.get(path) == ON
        self._filling = False
        self._changed()

    def take(self, spec: BacktestSpec) -> None:
        """Fills the form in with a run's spec, and opens the parts in which it says something unusual."""
        said = lab_form.said_by(spec)
        self.say(said)
        bars = self._bars(said)
        known = usual({path: said.get(path, "") for path in ("underlying", "preset", "exit_style", *DATASETS)}, bars)
        for group in GROUPS:
            if not group.open and any(
                said.get(field.path, "") not in ("", known.get(field.path, "")) for field in group.fields
            ):
                self._parts[group.name].open()

    def use(self, datasets: Sequence[Dataset]) -> None:
        """Other data can be chosen from now on; the newest is."""
        self._datasets = list(datasets)
        said = self.said
        self.say({**said, **lab_form.preferred(self._datasets, said.get("underlying", ""))})

    def complain(self, wrong: Mapping[str, str]) -> None:
        """Shows at each field what is wrong with it, and nothing at the others; the first one is gone to."""
        for path, element in self._inputs.items():
            element.error = wrong.get(path)
        for group in GROUPS:
            if not group.open and any(field.path in wrong for field in group.fields):
                self._parts[group.name].open()
        first = next((self._inputs[path] for path in FIELDS if path in wrong and path in self._inputs), None)
        if first is not None:
            _ = first.run_method("focus")

    # -- how it stands there ---------------------------------------------------------------------------------------

    def _group(self, group: Group) -> None:
        if group.open:
            words("h3", group.name)
            self._fields(group)
            if group.name in self._below:
                self._below[group.name]()
            return
        with ui.expansion(group.name).props("dense switch-toggle-side").classes("part") as part:
            self._fields(group)
        self._parts[group.name] = part

    def _fields(self, group: Group) -> None:
        with box("spec-fields"):
            for field in group.fields:
                self._field(field)

    def _field(self, field: Field) -> None:
        if field.kind is bool:
            switch = ui.checkbox(field.label, on_change=self._changed).props("dense").classes("wide")
            self._switches[field.path] = switch
            return
        element: ValidationElement[Any]
        if field.path in DATASETS or field.choices:
            options = {} if field.needed else {NONE: NONE}
            element = ui.select({**options, **field.choices}, label=field.label, on_change=self._chosen(field.path))
            element.props("options-dense behavior=menu")
            if field.path in DATASETS:
                element.classes("wide")
        else:
            element = ui.input(field.label, on_change=self._changed)
            if field.path == "name":
                element.classes("wide")
            elif not field.path.endswith("_time"):
                element.props("inputmode=decimal")
            if field.unit:
                element.props(f'suffix="{field.unit}"')
        element.props(f'dense outlined stack-label hide-bottom-space data-field="{field.path}"')
        if field.hint:
            element.props(f'hint="{field.hint}"')
        self._inputs[field.path] = element

    def _chosen(self, path: str) -> Callable[[], None]:
        def chosen() -> None:
            if self._filling:
                return
            if path == "preset":  # that is what choosing one means
                self._blank("selection.m", "selection.target")
            elif path == "underlying":
                said = self.said
                self.say({**said, **lab_form.preferred(self._datasets, said["underlying"])})
            elif path == "strategy" and self.said[path] == "WHEEL":  # with inverse options no coin is ever bought
                self._inputs["style"].value = "LINEAR"
            elif path == "exit_style" and self.said[path] == "HOLD_TO_EXPIRY":
                self._blank("exits.")
            self._changed()

        return chosen

    def _blank(self, *prefixes: str) -> None:
        for path, element in self._inputs.items():
            if path.startswith(prefixes):
                element.value = NONE

    def _offer(self, coin: str) -> None:
        """The datasets of the coin."""
        for path in DATASETS:
            element = self._inputs[path]
            assert isinstance(element, ui.select)
            none = {} if FIELDS[path].needed else {NONE: "none"}
            fit = lab_form.fitting(self._datasets, path, coin)
            element.value = NONE
            element.options = none | {each.dataset_id: lab_form.described(each) for each in fit}
            element.update()

    def _bars(self, said: Mapping[str, str]) -> Dataset | None:
        chosen = said.get("data.spot_dataset_id")
        return next((each for each in self._datasets if each.dataset_id == chosen), None)

    def _changed(self) -> None:
        """What stands in blank fields, after a change of others."""
        if self._filling:
            return
        said = self.said
        self._parts["Exits"].set_visibility(said.get("exit_style") != "HOLD_TO_EXPIRY")
        now = usual(said, self._bars(said))
        for path, element in self._inputs.items():
            text = now.get(path, "")
            if path in DATASETS or self._usual.get(path) == text:
                continue
            if isinstance(element, ui.select):
                if NONE in element.options:
                    word = FIELDS[path].choices.get(text, text)
                    element.options = {**dict(element.options), NONE: f"usual: {word}" if word else NONE}
                    element.update()
            else:
                element.props["placeholder"] = text or ("off" if path.startswith("exits.") else "")
        self._usual = now
