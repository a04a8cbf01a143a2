"""A real Chromium, that asks nobody but the page for anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, ViewportSize, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LAPTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
PATIENCE = 30_000.0
"""Milliseconds that a test waits for what has to come, on a machine that has other things to do."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser. Skips where there is none, and says so."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def browsing(browser: Browser, url: str, size: ViewportSize = LAPTOP, **more: Any) -> Iterator[Page]:
    """An empty browser at the page. At the end nothing may have been asked of another, and no script have failed."""
    context = browser.new_context(viewport=size, base_url=url, **more)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    asked: list[str] = []
    failed: list[str] = []

    def ask(request: Request) -> None:
        own = (url, url.replace("http:", "ws:"), "data:", "blob:")
        if not request.url.startswith(own):
            asked.append(request.url)

    context.on("request", ask)
    context.on("weberror", lambda error: failed.append(str(error.error)))
    yield page
    context.close()
    assert asked == []
    assert failed == []
