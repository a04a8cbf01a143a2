"""The form of a backtest as values: texts become a spec, a spec becomes texts, and a refusal finds its field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rollbook import BacktestSpec, Dataset, DatasetKind, LedgerError, specs
from rollbook_web.pages.lab_fields import BOTH, FIELDS, NEEDED

DATASETS = {
    "data.spot_dataset_id": DatasetKind.BARS,
    "data.volatility_dataset_id": DatasetKind.VOLATILITY,
    "data.quotes_dataset_id": DatasetKind.OPTION_CHAINS,
}
ON = "true"
"""What a switch says; blank is off."""

FIRST = {"preset": "balanced", "underlying": "BTC", "strategy": "COVERED_CALL", "style": "INVERSE"} | {
    "exit_style": "TP_AND_ROLL"
}
"""How an empty form begins."""


def read(said: Mapping[str, str]) -> tuple[BacktestSpec, dict[str, str]]:
    """The spec that a form says, and what is wrong with it by the path of the field: blank where it is needed, or no
    value of the field's type. What makes no sense in other ways the server says.
    """
    spec, wrong = BacktestSpec(), {}
    for path, text in said.items():
        if text.strip() and not (path == "exit_style" and text == BOTH):
            try:
                spec = specs.changed(spec, path, text.strip())
            except specs.SpecError as error:
                wrong[path] = str(error).removeprefix(f"{path}: ")
    for path in NEEDED:
        if not said.get(path, "").strip():
            wrong[path] = "Choose one."
    return spec, wrong


def said_by(spec: BacktestSpec) -> dict[str, str]:
    """The texts of a form that say this spec."""
    found: dict[str, str] = {}

    def walk(tree: Mapping[str, object], prefix: str) -> None:
        for name, value in tree.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{name}.")
            elif prefix + name in FIELDS:
                found[prefix + name] = written(value)

    walk(specs.to_mapping(spec), "")
    return found


def written(value: object) -> str:
    """A value as the form has it, and `specs.changed` reads it."""
    if isinstance(value, bool):
        return ON if value else ""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)  # to the last bit


def refused(error: LedgerError) -> tuple[str, str]:
    """The path of the field that the server refuses, "" where it is none of the form's, and its sentence."""
    path = error.field.removeprefix("spec.")
    return (path if path in FIELDS else ""), error.message


def fitting(datasets: Iterable[Dataset], path: str, coin: str) -> list[Dataset]:
    """The datasets that a field can name."""
    return [each for each in datasets if each.kind is DATASETS[path] and each.underlying == coin]


def preferred(datasets: Iterable[Dataset], coin: str) -> dict[str, str]:
    """Which data a form begins with: the newest bars of the coin, and a volatility index that covers all of them."""
    known = list(datasets)
    found = dict.fromkeys(DATASETS, "")
    bars = next(iter(fitting(known, "data.spot_dataset_id", coin)), None)
    if bars is not None:
        found["data.spot_dataset_id"] = bars.dataset_id
        for index in fitting(known, "data.volatility_dataset_id", coin):
            if covers(index, bars) and index.synthetic == bars.synthetic:
                found["data.volatility_dataset_id"] = index.dataset_id
                break
    return found


def covers(index: Dataset, bars: Dataset) -> bool:
    """Whether an index is there for as long as the bars, give or take a day."""
    if None in (index.first_time, index.last_time, bars.first_time, bars.last_time):
        return False
    assert index.first_time and index.last_time and bars.first_time and bars.last_time  # noqa: PT018
    return (index.first_time - bars.first_time).days < 1 and (bars.last_time - index.last_time).days < 1


def described(dataset: Dataset) -> str:
    """A dataset in one line, to be chosen by."""
    first, last = dataset.first_time, dataset.last_time
    span = f", {first:%Y-%m-%d} to {last:%Y-%m-%d}" if first and last else ""
    made = "" if not dataset.synthetic or "synthetic" in dataset.name else ", synthetic"
    return f"{dataset.name or dataset.dataset_id}{made}{span}, {_every(dataset.interval_seconds)}"


def _every(seconds: int) -> str:
    for unit, name in ((86_400, "daily"), (3_600, "hourly"), (60, "each minute")):
        if seconds == unit:
            return name
    return f"every {seconds / 3_600:g} h" if seconds >= 3_600 else f"every {seconds / 60:g} min"
