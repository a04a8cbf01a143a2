"""What all views have around them: the ways to the other views, dark and light, and since when the figures are old."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from nicegui import ui

from rollbook_web.live import Picture
from rollbook_web.numbers import age, clock
from rollbook_web.pages.following import follow
from rollbook_web.pages.parts import box, words

VIEWS = {"Positions": "/", "Closed": "/closed", "Lab": "/lab", "System": "/system"}
HERE = Path(__file__).parent


def add_look() -> None:
    """Adds style and script to all pages, within the page: nothing more is to be fetched."""
    style, frame, table = ((HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js", "table.js"))
    ui.add_head_html(f"<style>{style}</style><script>{frame}{table}</script>", shared=True)


@contextmanager
def frame(view: str, *pictures: Picture, heading: str = "") -> Iterator[None]:
    """The shell of a view; what is made inside stands in its body.

    Args:
        view: One of VIEWS: where one is.
        pictures: Those that the view shows. When one is old, a bar on top says since when.
        heading: The first heading, where it is not the view's name.
    """
    with ui.context.client.layout, box("top", tag="header") as top:  # beside the framework's <main>, not in it
        with box("top-row"):
            ui.link("Rollbook", "/").classes("brand")
            with box("views", tag="nav").props('aria-label="Views"'):
                for name, path in VIEWS.items():
                    link = ui.link(name, path)
                    if name == view:
                        link.props('aria-current="page"')
            theme = words("button", "◐", "plain", "theme", title="Dark or light")
            theme.props('type=button aria-label="Dark or light"').on("click", js_handler="() => Rollbook.toggle()")
        for picture in pictures:
            _say_when_stale(picture)
        box("gone").props("id=gone role=status aria-live=assertive")
    top.move(target_index=0)
    with box("body") as body:
        words("h1", heading or view)
        yield
    ui.skip_link("Skip to the figures", target=body)
    _ = ui.run_javascript(f"Rollbook.begin({datetime.now(UTC).timestamp() * 1000:.0f})")


def _say_when_stale(picture: Picture) -> None:
    """A bar that is empty while the figures of the picture are fresh."""
    bar = box("stale").props("role=status aria-live=polite")
    shown: datetime | None = None

    def say() -> None:
        nonlocal shown
        since = picture.stale_since
        if since == shown:
            return
        shown = since
        bar.clear()
        if since is None:
            return
        with bar:
            words("span", f"{picture.name} has not answered since {clock(since)} (")
            words("span", age(datetime.now(UTC) - since)).props(f'data-since="{since.timestamp() * 1000:.0f}"')
            words("span", " ago): the figures are as of then. They go on by themselves when it is back.")

    follow(picture, say)
