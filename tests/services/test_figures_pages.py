"""Pages of figures in a real browser: read, compared, printed, and refreshed by themselves."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from draad.keys import keys_of
from draad.settings import Settings
from engine.engine import open_engine
from schemas.appointment import AppointmentArrived, AppointmentBooked, AppointmentNoShow, AppointmentReminded
from schemas.contact import ContactAnswered, ContactMissed, ContactReceived
from schemas.event import Event, fact
from schemas.journey import JourneyStepped
from schemas.opinion import OpinionAsked, OpinionCounted
from tests.chromium import fit, picture, press
from tests.desk import arrives, enter
from tests.running import Running, running

SITE: Final = """
[journey]
origins = ["https://www.voorbeeld.nl"]
products = ["paspoort", "rijbewijs"]
"""
NOW: Final = datetime.now(UTC)
DAYS: Final = (*range(30), *range(360, 380))


def town() -> list[Event]:
    """What some weeks of a town hall leave behind, and some of a year ago; the same each time."""
    dice, facts = Random(8), list[Event]()
    for nth, day in enumerate(DAYS * 3):
        at = NOW - timedelta(days=day, hours=dice.uniform(0, 3))
        on: dict[str, Any] = {"contact_id": f"c{nth}", "address_id": f"a{nth}"}
        facts.append(ContactReceived(at=at, channel="phone", kind="phone", address="+31612345678", **on))
        then = at + timedelta(seconds=dice.choice([8, 20, 25, 70]))
        answered = ContactAnswered(at=then, agent_id="k1", **on)
        facts.append(answered if dice.random() < 0.8 else ContactMissed(at=then, reason="abandoned", **on))
        of: dict[str, Any] = {"at": at, "appointment_id": f"v{nth}"}
        facts.append(AppointmentBooked(**of, party_id="p", product="paspoort", branch="main", starts_at=at))
        if came := dice.choice(["delivered", "delivered", "failed", ""]):
            facts.append(AppointmentReminded(**of, notification_id=f"n{nth}", channel="sms", came=came))
        facts.append(AppointmentArrived(**of) if dice.random() < 0.85 else AppointmentNoShow(**of))
        asks: dict[str, Any] = {"at": at, "opinion_id": f"o{nth}", "party_id": "p", "happened_at": at}
        asks |= {"about": f"contact/c{nth}", "channel": "phone"}
        facts.append(OpinionAsked(**asks, road="sms"))
        if dice.random() < 0.4:
            facts.append(OpinionCounted(**asks, score=dice.randint(5, 10)))
        for product in ("paspoort", "rijbewijs"):
            steps = ("information", "started", "completed")[: dice.randint(1, 3)]
            facts += [JourneyStepped(at=at, step_id=f"{nth}{step}", product=product, step=step) for step in steps]
    return facts


async def tell(log: str) -> None:
    async with open_engine(log) as engine:
        await engine.append(*(fact(event, key=f"{nth}") for nth, event in enumerate(town())))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("figures")
    (folder / "site.toml").write_text(SITE)
    log = f"sqlite:///{folder / 'draad.db'}"
    keys_of(Settings(log=log), facts=False)
    with ThreadPoolExecutor(1) as elsewhere:  # The browser's loop runs in this thread.
        elsewhere.submit(asyncio.run, tell(log)).result()
    with running(folder / "draad.db", DRAAD_SITE=str(folder / "site.toml")) as there:
        yield there


def test_figures_are_compared_read_beside_their_tables_printed_and_refreshed_and_what_is_none_is_said(
    page: Page, house: Running
) -> None:
    enter(page, house)
    page.get_by_role("link", name="Cijfers").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cijfers")
    expect(page.locator("#verbinding")).to_have_attribute("data-state", "live")
    expect(page.locator(".figures__drawn canvas")).to_have_count(page.locator("[data-chart]").count())
    expect(page.locator("[data-chart] table").first).to_be_visible()
    fit(page, "figures")
    before = int(page.locator("#nu-contacts dd").inner_text())
    arrives(house, "email", "email", "jan@example.nl", "Wanneer is het klaar?")
    expect(page.locator("#nu-contacts dd")).to_have_text(str(before + 1))
    page.get_by_label("Van", exact=True).focus()  # By keyboard: all of a form, and the whole of a table.
    press(page, "Tab")
    page.get_by_role("region", name="Tabel: Contacten").focus()
    press(page, "ArrowDown")
    page.emulate_media(media="print", reduced_motion="reduce")
    assert page.pdf().startswith(b"%PDF")
    expect(page.locator("nav")).to_be_hidden()
    expect(page.get_by_role("region", name="Tabel: Contacten")).to_have_css("max-height", "none")  # All of it.
    picture(page, "figures-print", whole=True)
    page.emulate_media(media="screen")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Figures")
    fit(page, "figures-english")

    asked = "first=2001-01-01&last=2001-01-07&against_first=2002-01-01&against_last=2002-01-07"
    page.goto(f"{house.address}/figures?{asked}")
    expect(page.get_by_role("heading", name="In deze perioden is niets geteld")).to_be_visible()
    fit(page, "figures-empty")
    page.goto(f"{house.address}/figures?first=2026-02-30&last=2026-03-01")
    expect(page.get_by_role("alert")).to_contain_text("Deze perioden kunnen wij niet tonen")
    fit(page, "figures-wrong")
    page.get_by_role("link", name="Wat de cijfers betekenen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Wat de cijfers betekenen")
    fit(page, "figures-meanings")
