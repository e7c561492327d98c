"""The chat as residents see it: a real browser, on a page as strict as a page can be, over a connection that breaks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from infra.proxy import Proxy
from tests.beside import Beside, beside
from tests.chromium import fit, opened
from tests.services.chats import House, chat_house
from tests.story.town import eventually


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with opened(browser, reduced_motion="reduce") as page:
        yield page
        assert page.context.cookies() == []


@contextmanager
def between(port: int) -> Iterator[tuple[Proxy, Beside]]:
    """A bad network before the house, and where something is done with it."""
    with beside() as there:
        proxy = Proxy(to=port)
        there.do(proxy.heal())
        try:
            yield proxy, there
        finally:
            there.do(proxy.cut())


def visit(page: Page, house: House, lang: str = "nl", port: int = 0) -> None:
    page.goto(f"{house.origin}/page/{lang}/{port or house.port}")


def write(page: Page, text: str) -> None:
    box = page.get_by_role("textbox")
    box.fill(text)
    box.press("Enter")


def mine(page: Page, state: str) -> Any:
    return page.locator(f'.mine[data-state="{state}"]')


def contact(house: House, text: str) -> dict[str, Any]:
    [found] = [one for one in house.facts("contact.received") if one["text"] == text]
    return found


def test_somebody_asks_an_agent_answers_and_both_see_that_it_came(page: Page, tmp_path: Path) -> None:
    with chat_house(tmp_path / "draad.db") as house:
        visit(page, house)
        fit(page, "chat-shut")
        page.get_by_role("button", name="Chat").click()
        expect(page.get_by_role("dialog", name="Chat met de gemeente")).to_be_visible()
        expect(page.get_by_role("textbox", name="Uw bericht")).to_be_focused()
        fit(page, "chat-empty")
        write(page, "Kan mijn afspraak ook om 10:00?")
        expect(mine(page, "sent")).to_contain_text("Kan mijn afspraak ook om 10:00?")
        house.answer(contact(house, "Kan mijn afspraak ook om 10:00?"), "Ja, dat kan.\nTot dan!", "m-1")
        expect(page.locator(".agent p")).to_have_text("Ja, dat kan.\nTot dan!")
        write(page, "Dank u! " + "heel" * 60)
        expect(mine(page, "sent")).to_have_count(2)
        fit(page, "chat-talk")
        assert [fact["message_id"] for fact in house.facts("message.delivered")] == ["m-1"]


def test_in_english_where_the_page_is(page: Page, tmp_path: Path) -> None:
    with chat_house(tmp_path / "draad.db", opening="mon 00:00-00:01") as house:
        visit(page, house, "en-GB")
        page.get_by_role("button", name="Chat").click()
        expect(page.get_by_role("dialog", name="Chat with the municipality")).to_be_visible()
        expect(page.get_by_role("status").first).to_contain_text("We are closed now.")
        write(page, "Do you speak English?")
        expect(mine(page, "sent")).to_contain_text("Sent")
        fit(page, "chat-english")


def test_the_keyboard_opens_writes_and_closes(page: Page, tmp_path: Path) -> None:
    with chat_house(tmp_path / "draad.db") as house:
        visit(page, house)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("textbox")).to_be_focused()
        page.keyboard.type("regel een")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("regel twee")
        page.keyboard.press("Enter")
        expect(mine(page, "sent").locator("p")).to_have_text("regel een\nregel twee")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(page.get_by_role("button", name="Chat")).to_be_focused()
        house.answer(contact(house, "regel een\nregel twee"), "Antwoord", "m-1")
        expect(page.get_by_role("button", name="Chat 1 nieuw bericht")).to_be_visible()
        fit(page, "chat-news")
        sizes = page.evaluate(
            "[...document.querySelector('[id^=draad-chat]').shadowRoot.querySelectorAll('button')]"
            ".filter(b => b.offsetWidth).map(b => Math.min(b.offsetWidth, b.offsetHeight))"
        )
        assert min(sizes) >= 44


def test_a_lost_connection_is_shown_and_heals_without_a_lost_keystroke(page: Page, tmp_path: Path) -> None:
    log = tmp_path / "draad.db"
    with chat_house(log) as first:
        port = first.port
        visit(page, first)
        page.get_by_role("button", name="Chat").click()
        write(page, "voor de storing")
        expect(mine(page, "sent")).to_have_count(1)
        page.evaluate("window.stayed = true")
        page.get_by_role("textbox").fill("een half geschreven")
        first.kill()
    expect(page.get_by_role("status").last).to_contain_text("Geen verbinding")
    page.get_by_role("textbox").press_sequentially(" zin")
    page.get_by_role("textbox").press("Enter")
    expect(mine(page, "waiting")).to_contain_text("een half geschreven zin")
    page.get_by_role("textbox").fill("en nog een begin")
    fit(page, "chat-lost")
    with chat_house(log, port) as second:
        expect(mine(page, "sent")).to_have_count(2)
        expect(page.get_by_role("textbox")).to_have_value("en nog een begin")
        expect(page.get_by_role("status").last).to_have_text("")
        assert page.evaluate("window.stayed"), "it healed without being loaded again"
        page.reload()
        expect(page.locator(".mine")).to_have_count(2)
        expect(page.get_by_role("textbox")).to_have_value("en nog een begin")
        second.answer(contact(second, "een half geschreven zin"), "Daar zijn we weer.", "m-2")
        expect(page.locator(".agent p")).to_have_text("Daar zijn we weer.")
        texts = [one["text"] for one in second.facts("contact.received")]
    assert texts == ["voor de storing", "een half geschreven zin"]


def test_what_a_black_hole_swallowed_is_said_again_and_stands_there_once(page: Page, tmp_path: Path) -> None:
    """Nobody is told that the connection is gone: the browser notices by itself."""
    with chat_house(tmp_path / "draad.db") as house, between(house.port) as (network, there):
        visit(page, house, port=network.port)
        page.get_by_role("button", name="Chat").click()
        write(page, "een")
        expect(mine(page, "sent")).to_have_count(1)
        there.call(network.swallow)
        write(page, "twee")
        write(page, "drie")
        expect(page.get_by_role("status").last).to_contain_text("Geen verbinding")
        there.do(network.heal())
        there.call(network.reset)
        expect(mine(page, "sent")).to_have_count(3)
        assert page.locator(".mine p").all_inner_texts() == ["een", "twee", "drie"]
        assert [one["text"] for one in house.facts("contact.received")] == ["een", "twee", "drie"]


def test_who_writes_too_fast_is_told_so_and_all_of_it_arrives_later(page: Page, tmp_path: Path) -> None:
    with chat_house(tmp_path / "draad.db") as house:
        visit(page, house)
        page.get_by_role("button", name="Chat").click()
        for n in range(34):
            write(page, f"snel {n}")
        expect(page.get_by_role("status").last).to_contain_text("U stuurt veel berichten achter elkaar")
        fit(page, "chat-often")
        expect(mine(page, "sent")).to_have_count(34)
        assert [one["text"] for one in house.facts("contact.received")] == [f"snel {n}" for n in range(34)]


def test_what_somebody_wrote_is_text_and_never_markup(page: Page, tmp_path: Path) -> None:
    with chat_house(tmp_path / "draad.db") as house:
        visit(page, house)
        page.get_by_role("button", name="Chat").click()
        write(page, "<img src=x onerror=alert(1)><b>vet</b>")
        expect(mine(page, "sent").locator("p")).to_have_text("<img src=x onerror=alert(1)><b>vet</b>")
        house.answer(contact(house, "<img src=x onerror=alert(1)><b>vet</b>"), "<script>alert(1)</script>", "m-1")
        expect(page.locator(".agent p")).to_have_text("<script>alert(1)</script>")


def test_more_answers_than_fit_in_one_frame_are_all_delivered(page: Page, tmp_path: Path) -> None:
    with chat_house(tmp_path / "draad.db") as house:
        visit(page, house)
        page.get_by_role("button", name="Chat").click()
        write(page, "vraag")
        expect(mine(page, "sent")).to_have_count(1)
        asked = contact(house, "vraag")
        page.goto("about:blank")
        for n in range(120):
            house.answer(asked, f"antwoord {n}", f"m-{n}")
        visit(page, house)
        expect(page.locator(".agent")).to_have_count(120)
        assert page.locator(".agent p").all_inner_texts() == [f"antwoord {n}" for n in range(120)]
        # Not by `wait_for_function`: where it is not so at once, that asks again by an eval, which this page forbids.
        eventually(lambda: page.evaluate("JSON.parse(sessionStorage.getItem('draad-chat-main')).got.length") == 0)
        assert len(house.facts("message.delivered")) == 120
