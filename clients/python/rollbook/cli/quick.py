"""Commands that start quickly, whichever Typer there is.

From 0.29 on Typer converts what was typed by pydantic, and to load that takes longer than to ask the ledger. Our
parameters are texts and switches: there is nothing to convert. A Typer without that attribute goes its own way, to the
same values.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup


class _AsTyped:
    def coerce(self, value: Any, param: Any, **_: Any) -> Any:
        return () if value is None and (param.multiple or param.nargs == -1) else value


def _unconverted(params: list[Any]) -> list[Any]:
    for param in params:
        if hasattr(param, "_runtime_param"):
            param._runtime_param = _AsTyped()
    return params


class QuickCommand(TyperCommand):
    """A command of texts and switches."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, --help among them."""
        return _unconverted(super().get_params(ctx))


class QuickGroup(TyperGroup):
    """A group of them."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, --help among them."""
        return _unconverted(super().get_params(ctx))
