"""The look of the lab's views."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui


def add_look() -> None:
    """Adds it to all pages."""
    style = Path(__file__).with_name("lab.css").read_text(encoding="utf-8")
    ui.add_head_html(f"<style>{style}</style>", shared=True)
