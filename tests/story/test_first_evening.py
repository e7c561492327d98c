"""The first evening of a desk, in a real browser: it opens, fills, loses its connection, and comes back by itself."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import fit, press
from tests.desk import arrives, enter, state, visit
from tests.running import Running, aside, running

MAIL = ("email", "email", "jan@example.nl")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "draad.db"


def writes(house: Running, text: str, hours: float = 0.0) -> str:
    """Jan mails this. Returns the path of his story."""
    return f"/threads/address/{arrives(house, *MAIL, text, hours)['address_id']}"


def texts(page: Page) -> list[str]:
    return page.locator("#verhaal .entry--in .entry__text").all_inner_texts()


def test_the_first_evening(page: Page, log: Path) -> None:
    with running(log) as house:
        port = house.port
        page.goto(f"{house.address}/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Log eerst in")
        fit(page, "outside")

        page.goto(house.link)
        fit(page, "door")
        page.get_by_role("button", name="Open het bureau").click()
        expect(page.get_by_role("heading", name="Niets te doen")).to_be_visible()
        state(page, "live")

        page.evaluate("window.stayed = true")
        writes(house, "Hoe laat gaat u morgen open?")
        expect(page.locator(".job")).to_contain_text("E-mail")
        expect(page.get_by_role("heading", name="Niets te doen")).to_have_count(0)
        expect(page.locator("#nieuws")).to_have_text("1 nieuw in de werklijst")

        house.kill()
        state(page, "lost")
        expect(page.get_by_role("status").first).to_contain_text("Verbinding verbroken")
        fit(page, "work-lost")

    with running(log, port=port) as house:
        arrives(house, "chat", "chat", "c0ffee", "Dit kwam binnen terwijl u niets zag.")
        state(page, "live")
        expect(page.locator(".job")).to_have_count(2)
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
        visit(page, house, writes(house, "nieuwste", 1))
        writes(house, "oudste, pas nu geboekt", 100)
        writes(house, "middelste", 30)
        expect(page.locator(".entry--in")).to_have_count(3)
        assert texts(page) == ["nieuwste", "middelste", "oudste, pas nu geboekt"]
        expect(page.locator(".entry--late").first).to_contain_text("Dit moest klaar zijn op")

        writes(house, "Mijn BSN is 123456782. " + "Lang verhaal. " * 60, 2)
        expect(page.get_by_text("[nummer afgeschermd]").first).to_be_visible()
        assert "123456782" not in page.content()
        writes(house, "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 8, 3)
        expect(page.locator(".entry--in")).to_have_count(5)
        fit(page, "filled")

        live = texts(page)
        page.reload()
        state(page, "live")
        assert texts(page) == live


def test_a_folded_text_is_opened_with_a_keyboard_alone(page: Page, log: Path) -> None:
    with running(log) as house:
        enter(page, house)
        visit(page, house, writes(house, "Lang verhaal. " * 60))
        press(page, "j")
        while page.evaluate("document.activeElement.innerText.trim()") != "Hele bericht":
            press(page, "Tab")
        press(page, "Enter")
        expect(page.locator(".folded details p")).to_be_visible()
        expect(page.locator(".folded__excerpt")).to_be_hidden()


def test_what_is_new_moves_nothing_that_is_being_read(page: Page, log: Path) -> None:
    with running(log) as house:
        for n in range(40):
            path = writes(house, f"{n:03} contact", 50 - n)
        enter(page, house)
        visit(page, house, path)
        last = page.get_by_text("020 contact")
        last.scroll_into_view_if_needed()
        before = page.evaluate("window.scrollY")
        place = last.bounding_box()
        writes(house, "100 helemaal nieuw")
        expect(page.get_by_text("100 helemaal nieuw")).to_have_count(1)
        expect(page.get_by_role("button", name=re.compile("nieuw: naar boven"))).to_be_visible()
        assert before > 0
        after = last.bounding_box()
        assert place
        assert after
        assert abs(place["y"] - after["y"]) < 2
        page.get_by_role("button", name=re.compile("nieuw: naar boven")).click()
        expect(page.get_by_text("100 helemaal nieuw")).to_be_in_viewport()


def test_a_long_story_is_paged_and_an_old_page_says_that_it_stands_still(page: Page, log: Path) -> None:
    with running(log) as house:
        for n in range(60):
            path = writes(house, f"{n:03} contact", 40 - n / 2)
        enter(page, house)
        visit(page, house, path)
        expect(page.get_by_text("059 contact")).to_be_visible()
        seen = texts(page)
        while (older := page.locator("#ouder")).is_visible():
            older.get_by_role("link").click()
            expect(page.get_by_text("Het ververst niet vanzelf")).to_be_visible()
            seen += texts(page)
        assert seen == [f"{n:03} contact" for n in reversed(range(60))]
        fit(page, "older")
        page.get_by_role("link", name="Naar het nieuwste").click()
        state(page, "live")
        assert len(texts(page)) < 60, "a page that stays open all day is no longer than this one"


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
        path = writes(house, "eerst", 1)
        enter(page, house)
        visit(page, house, path)
        assert aside(log, "rebuild", "desk.entry").returncode == 0
        writes(house, "daarna")
        expect(page.locator(".entry--in")).to_have_count(2)
        assert texts(page) == ["daarna", "eerst"]
