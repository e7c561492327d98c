"""The first evening of a desk, in a real browser: it opens, fills, loses its connection, and comes back by itself."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # It has no types.
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.running import Running, draad, running

CHROMIUM: Final = "/usr/bin/chromium"
ALONE: Final = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
WAIT_MS: Final = 30_000
WIDTHS: Final = (320, 390, 768, 1280, 1920)
SHOTS: Final = Path(gettempdir()) / "draad-shots"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ALONE.split())
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="nl-NL")
    context.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda message: broken.append(message.text) if "Policy" in message.text else None)
    yield page
    context.close()
    assert broken == []


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "draad.db"


def state(page: Page, name: str) -> None:
    expect(page.locator("#verbinding")).to_have_attribute("data-state", name)


def enter(page: Page, house: Running) -> None:
    page.goto(house.link)
    page.get_by_role("button", name="Open het bureau").click()
    state(page, "live")


def ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat()


def call(house: Running, text: str, hours: float = 0.0, channel: str = "phone") -> dict[str, str]:
    answer = house.post(text[:9].encode().hex(), {"channel": channel, "text": text, "at": ago(hours)})
    assert answer.status_code == 201
    return dict(answer.json())


def texts(page: Page) -> list[str]:
    return page.locator(".entry__text").all_inner_texts()


def fit(page: Page, name: str) -> None:
    """Nothing to complain about for axe, at any width nothing to scroll sideways; and a picture of it."""
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    assert [(violation["id"], [n["html"] for n in violation["nodes"]]) for violation in found] == []
    SHOTS.mkdir(exist_ok=True)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.screenshot(path=SHOTS / f"{name}-{width}.png", full_page=width < 700)
    page.set_viewport_size({"width": 1280, "height": 800})


def test_the_first_evening(page: Page, log: Path) -> None:
    with running(log) as house:
        port = house.port
        page.goto(f"{house.address}/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Log eerst in")
        fit(page, "outside")

        page.goto(house.link)
        fit(page, "door")
        page.get_by_role("button", name="Open het bureau").click()
        expect(page.get_by_role("heading", name="Nog geen contacten")).to_be_visible()
        state(page, "live")
        fit(page, "empty")

        page.evaluate("window.stayed = true")
        call(house, "Hoe laat gaat u morgen open?")
        expect(page.get_by_text("Hoe laat gaat u morgen open?")).to_be_visible()
        expect(page.get_by_role("heading", name="Nog geen contacten")).to_have_count(0)
        expect(page.locator("#nieuws")).to_have_text("1 nieuw bericht op de tijdlijn")

        house.kill()
        state(page, "lost")
        expect(page.get_by_role("status").first).to_contain_text("Verbinding verbroken")
        fit(page, "lost")

    with running(log, port=port) as house:
        call(house, "Dit kwam binnen terwijl u niets zag.")
        state(page, "live")
        expect(page.get_by_text("Dit kwam binnen terwijl u niets zag.")).to_be_visible()
        expect(page.get_by_text("Hoe laat gaat u morgen open?")).to_have_count(1)
        assert page.evaluate("window.stayed"), "it healed without being loaded again"

        page.get_by_role("button", name="Uitloggen").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("U bent uitgelogd")
        fit(page, "left")
        page.goto(house.link)
        assert house.client.post(house.link).status_code == 303  # Somebody else was first.
        page.get_by_role("button", name="Open het bureau").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Deze link werkt niet meer")
        fit(page, "used")


def test_a_late_fact_lands_in_its_place_and_what_is_late_is_told(page: Page, log: Path) -> None:
    with running(log) as house:
        enter(page, house)
        call(house, "nieuwste", 1)
        call(house, "oudste, pas nu geboekt", 100, channel="letter")
        call(house, "middelste", 30, channel="email")
        expect(page.locator(".entry__text")).to_have_count(3)
        assert texts(page) == ["nieuwste", "middelste", "oudste, pas nu geboekt"]
        expect(page.locator(".entry--late")).to_contain_text("Nog geen antwoord")

        contact = call(house, "Mijn BSN is 123456782. " + "Lang verhaal. " * 60, 2, channel="webform")
        expect(page.get_by_text("[nummer afgeschermd]").first).to_be_visible()
        assert "123456782" not in page.content()
        path = f"/v1/contacts/{contact['contact_id']}/answers"
        body = {"address_id": contact["address_id"], "agent_id": "agent-7", "text": "Het ligt klaar."}
        assert house.client.post(path, json=body, headers={"Idempotency-Key": "a"}).status_code == 201
        expect(page.locator(".entry--done")).to_contain_text("Het ligt klaar.")
        call(house, "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 8, 3, channel="chat")
        expect(page.locator(".entry--in")).to_have_count(5)
        fit(page, "filled")

        live = texts(page)
        page.reload()
        state(page, "live")
        assert texts(page) == live


def test_it_is_worked_with_a_keyboard_alone(page: Page, log: Path) -> None:
    with running(log) as house:
        enter(page, house)
        call(house, "Lang verhaal. " * 60)
        expect(page.locator("details")).to_have_count(1)
        page.reload()
        state(page, "live")
        names = []
        for _ in range(4):
            page.keyboard.press("Tab")
            names.append(page.evaluate("document.activeElement.innerText.trim()"))
        assert names == ["Naar de inhoud", "Draad", "Uitloggen", "Hele bericht"]
        page.keyboard.press("Enter")
        expect(page.locator("details p")).to_be_visible()
        expect(page.locator(".folded__excerpt")).to_be_hidden()


def test_what_is_new_moves_nothing_that_is_being_read(page: Page, log: Path) -> None:
    with running(log) as house:
        for n in range(40):
            call(house, f"{n:03} contact", 50 - n)
        enter(page, house)
        last = page.get_by_text("005 contact")
        last.scroll_into_view_if_needed()
        before = page.evaluate("window.scrollY")
        place = last.bounding_box()
        call(house, "100 helemaal nieuw")
        expect(page.get_by_text("100 helemaal nieuw")).to_have_count(1)
        expect(page.get_by_role("button", name=re.compile("1 nieuw"))).to_be_visible()
        assert before > 0
        after = last.bounding_box()
        assert place
        assert after
        assert abs(place["y"] - after["y"]) < 2
        page.get_by_role("button", name=re.compile("1 nieuw")).click()
        expect(page.get_by_text("100 helemaal nieuw")).to_be_in_viewport()


def test_many_entries_are_paged_and_an_old_page_says_that_it_stands_still(page: Page, log: Path) -> None:
    with running(log) as house:
        for n in range(60):
            call(house, f"{n:03} contact", 40 - n / 2)
        enter(page, house)
        expect(page.locator(".entry--in")).to_have_count(50)
        page.get_by_role("link", name="Oudere contacten").click()
        expect(page.locator(".entry--in")).to_have_count(10)
        expect(page.get_by_text("Deze pagina ververst niet vanzelf")).to_be_visible()
        fit(page, "older")
        page.get_by_role("link", name="Naar het nieuwste").click()
        state(page, "live")


def test_a_page_that_stays_open_all_day_does_not_grow_for_ever(page: Page, log: Path) -> None:
    with running(log) as house:
        enter(page, house)
        page.evaluate("document.getElementById('tijdlijn').dataset.entriesMax = 5")
        for n in range(8):
            call(house, f"{n:03} contact", 20 - n)
        expect(page.get_by_text("007 contact")).to_be_visible()
        assert texts(page) == [f"{n:03} contact" for n in (7, 6, 5, 4, 3)]
        call(house, "010 van langer geleden", 30)
        call(house, "011 hoort ertussen", 15.5)
        expect(page.get_by_text("011 hoort ertussen")).to_be_visible()
        assert texts(page) == ["007 contact", "006 contact", "005 contact", "011 hoort ertussen", "004 contact"]
        page.get_by_role("link", name="Oudere contacten").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert texts(page) == [
            "003 contact",
            "002 contact",
            "001 contact",
            "000 contact",
            "010 van langer geleden",
        ]


def test_an_ended_session_is_told_and_not_retried_for_ever(page: Page, log: Path) -> None:
    with running(log) as house:
        port = house.port
        enter(page, house)
        page.context.clear_cookies()
        house.kill()
        state(page, "lost")
    with running(log, port=port):
        state(page, "out")
        fit(page, "out")


def test_a_rebuild_under_an_open_page_is_seen_and_loses_nothing(page: Page, log: Path) -> None:
    with running(log) as house:
        call(house, "eerst")
        enter(page, house)
        assert draad(log, "rebuild", "desk.timeline").returncode == 0
        call(house, "daarna")
        expect(page.locator(".entry__text")).to_have_count(2)
        assert texts(page) == ["daarna", "eerst"]
