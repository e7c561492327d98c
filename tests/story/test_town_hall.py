"""`make run` on a fresh machine: a town hall at work, and all that its residents got can be read."""

import re
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from services.desk import words
from tests.chromium import fit, opened
from tests.desk import enter
from tests.running import aside, running
from tests.story.town import eventually

PATIENCE_S: Final = 90.0  # A day takes a minute, where the machine has nothing else to do.


def shown_anew(page: Page, card: Locator) -> bool:
    page.reload()
    return card.count() > 0


def every_part_is_at_hand(page: Page) -> None:
    """In one line where there is room for it, and else behind a button."""
    parts, menu = page.get_by_role("navigation", name="Onderdelen"), page.get_by_role("button", name="Menu")
    expect(parts.get_by_role("link")).to_have_count(7)
    expect(menu).to_be_hidden()
    assert page.locator(".top").evaluate("top => top.offsetHeight") < 80
    page.set_viewport_size({"width": 375, "height": 800})
    expect(parts).to_be_hidden()
    menu.click()
    expect(parts.get_by_role("link", name="Wie keek")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(parts).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.timeout(180)
def test_a_day_is_played_over_every_road_and_what_was_sent_can_be_read(tmp_path: Path, browser: Browser) -> None:
    log = tmp_path / "untouched.db"
    with running(log, verb="simulate", options=("--minutes", "1")) as house, opened(browser) as page:
        enter(page, house)
        page.get_by_role("link", name="Verstuurd").click()
        for kind, said in (("sms", "afgeleverd"), ("whatsapp", "gelezen"), ("email", "mailprogramma")):
            page.get_by_role("link", name=words.channel(kind).label, exact=True).click()
            page.wait_for_url(f"**/outbox?channel={kind}")
            card = page.locator(".card", has_text=said)
            eventually(partial(shown_anew, page, card), PATIENCE_S)
        fit(page, "outbox")
        every_part_is_at_hand(page)
        with page.expect_popup() as mail:
            card.first.get_by_role("link", name="Zoals het mailprogramma het toont").click()
        expect(mail.value.locator("body")).to_contain_text(re.compile("gemeente Oefenstad", re.IGNORECASE))
        where = house.found(r"--log (sqlite:\S+)$").removeprefix("sqlite:///")
        shown = aside(Path(where), "log", "--json", "--after", "0").stdout
        for channel in ("contact.received", "appointment.booked", "journey.stepped", "notification.sent"):
            assert f'"{channel}"' in shown
        assert aside(Path(where), "parked").returncode == 0
        assert house.stop() == 0
    assert not Path(where).exists()
    assert not log.exists()
    assert "town.stumbled" not in log.with_suffix(".err").read_text()
