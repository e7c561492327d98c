"""Somebody asks a question on our form, in a real browser: by keyboard alone, without scripts, from phone to wide."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from services.intake.asked import FILLED_S_MIN
from tests.chromium import fit, picture
from tests.running import Running, aside, running
from tests.story.website import Municipality

SITE: Final = """
[form]
title = "Gemeente Voorbeeld"
phone = "14 020"

[journey]
origins = ["%s"]
products = ["paspoort"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def house(folder: Path, municipality: Municipality) -> Iterator[Running]:
    (folder / "site.toml").write_text(SITE % municipality.origin)
    with running(folder / "draad.db", DRAAD_SITE=str(folder / "site.toml")) as house:
        yield house


def read_through(page: Page) -> None:
    """As long as nobody can be quicker than."""
    page.wait_for_timeout(FILLED_S_MIN * 1_000 + 100)


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.className"))


def logged(folder: Path, type: str) -> list[str]:
    """The facts of this type, a line each."""
    said = aside(folder / "draad.db", "log", "--json", "--type", type)
    assert said.returncode == 0, said.stderr
    return said.stdout.splitlines()


def test_a_question_is_asked_by_keyboard_alone(page: Page, house: Running, folder: Path) -> None:
    page.goto(f"{house.address}/contact/")
    fit(page, "form")
    order = []
    for _ in range(7):
        page.keyboard.press("Tab")
        order.append(focused(page))
    assert order == ["skip", "top__language", "question", "email", "phone", "name", "button"], "and no hidden field"
    page.focus("#question")
    page.keyboard.type("Hoe laat gaat u morgen open?")
    page.keyboard.press("Tab")
    page.keyboard.type("jan@example.nl")
    read_through(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Wij hebben uw vraag")
    expect(page.get_by_role("status")).to_contain_text("Wij antwoorden uiterlijk")
    fit(page, "form-thanks")
    assert page.url == f"{house.address}/contact/", "nothing of it stands in the address"
    number = page.get_by_text("Uw nummer is").inner_text().split()[3].rstrip(".")
    page.reload()  # The browser sends it again: still one contact.
    expect(page.get_by_text(number)).to_be_visible()
    assert len(logged(folder, "contact.received")) == 1


def test_mistakes_are_announced_and_lead_to_their_fields(page: Page, house: Running) -> None:
    page.goto(f"{house.address}/contact/")
    read_through(page)
    page.get_by_label("E-mailadres").fill("jan@")
    page.get_by_role("button", name="Verstuur uw vraag").click()
    expect(page).to_have_title(re.compile("^Fout: Stel uw vraag . Gemeente Voorbeeld$"))
    alert = page.get_by_role("alert")
    expect(alert).to_be_focused()
    expect(alert).to_contain_text("Uw vraag is nog niet verstuurd")
    fit(page, "form-wrong")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Wat is uw vraag?")).to_be_focused()
    question, email = page.get_by_label("Wat is uw vraag?"), page.get_by_label("E-mailadres")
    expect(question).to_have_accessible_description(
        "Stuur geen burgerservicenummer (BSN) mee, en niets over uw gezondheid. Fout: Schrijf op wat u wilt vragen"
    )
    expect(email).to_have_accessible_description("Fout: Vul een e-mailadres in zoals naam@voorbeeld.nl")
    expect(email).to_have_value("jan@")
    expect(page.locator("#website")).not_to_be_in_viewport()


def test_it_works_without_scripts_in_english_and_zoomed_in(browser: Browser, house: Running) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 640})
    page = context.new_page()
    page.goto(f"{house.address}/contact/")
    page.get_by_role("link", name="English").click()
    page.get_by_label("What is your question?").fill('<b onmouseover="x">Hello</b> ' + "w" * 300)
    page.get_by_label("Telephone number").fill("+44 20 7946 0000")
    read_through(page)
    page.get_by_role("button", name="Send your question").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("We have your question")
    expect(page.locator(".asked")).to_contain_text("<b onmouseover")
    picture(page, "form-english-320", whole=True)
    context.close()


PAGE: Final = """<!doctype html><html lang="nl"><title>Paspoort</title><h1>Paspoort</h1>
<script src="%s/journey/journey.js" data-product="paspoort" data-step="information" defer></script></html>"""


@pytest.mark.parametrize("wanted", [True, False])
def test_a_page_of_the_municipality_tells_its_step_unless_its_visitor_minds(
    browser: Browser, house: Running, municipality: Municipality, folder: Path, wanted: bool
) -> None:
    context = browser.new_context()
    if not wanted:
        context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    page = context.new_page()
    told: list[str] = []
    page.on("request", lambda request: told.append(request.post_data or "") if request.method == "POST" else None)
    municipality.html = PAGE % house.address
    before = len(logged(folder, "journey.stepped"))
    if wanted:
        with page.expect_event("requestfinished", lambda request: request.method == "POST"):
            page.goto(f"{municipality.origin}/paspoort")
        [body] = told
        assert json.loads(body).keys() == {"product", "step", "id"}
    else:
        page.goto(f"{municipality.origin}/paspoort")  # Until it is loaded, and its scripts have run.
        assert told == []
    assert len(logged(folder, "journey.stepped")) - before == int(wanted)
    assert context.cookies() == []
    context.close()
