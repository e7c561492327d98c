"""A real browser for tests: Chromium by itself, pages that may not break, and a look at them as people have them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # It has no types.
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM: Final = "/usr/bin/chromium"
ALONE: Final = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
WAIT_MS: Final = 60_000
WIDTHS: Final = (320, 390, 768, 1280, 1920)
SHOTS: Final = os.environ.get("DRAAD_TEST_SHOTS")  # A folder: it gets a picture of every page.
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module: as long as it is open, nobody else can run a loop in this thread."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ALONE.split())
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with opened(browser) as page:
        yield page


@contextmanager
def opened(browser: Browser, **more: Any) -> Iterator[Page]:
    """A browser of somebody's own. Once it is closed, nothing in it went wrong, and no page's policy was broken."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="nl-NL", **more)
    context.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda message: broken.append(message.text) if "Policy" in message.text else None)
    yield page
    context.close()
    assert broken == []


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def complaints(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds, and where."""
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [(violation["id"], [node["html"] for node in violation["nodes"]]) for violation in found]


def fit(page: Page, name: str) -> None:
    """Nothing to complain about for axe, at any width nothing to scroll sideways; and a picture where asked."""
    assert complaints(page) == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} at {width}"
        picture(page, f"{name}-{width}", whole=width < 700)
    page.set_viewport_size({"width": 1280, "height": 800})


def picture(page: Page, name: str, *, whole: bool) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=whole)
