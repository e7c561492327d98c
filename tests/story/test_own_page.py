"""She is told of her appointment by mail, opens the link in it and cancels; the desk knows, and no reminder follows."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from simulation.twilio import PUBLIC
from tests.chromium import fit, opened
from tests.story.agent import Agent
from tests.story.test_told import TOLD, mail, says, words
from tests.story.town import MAIL, Town, eventually

LINK: Final = re.compile(rf"{re.escape(PUBLIC)}(/[am]/\S+)")


def link(town: Town, kind: str) -> str:
    """Where the last mail that has one leads to; the world finds this Draad at another address than its own machine."""
    found = [path for taken in town.relay.taken for path in LINK.findall(words(mail(taken))) if path.startswith(kind)]
    return f"{town.draad.address}{found[-1]}"


@pytest.mark.timeout(300)
def test_she_cancels_on_the_page_that_her_mail_leads_to_and_the_desk_knows(town: Town, page: Page) -> None:
    starts = datetime.now(UTC) + timedelta(days=9)
    (town.folder / "site.toml").write_text(TOLD)
    with town.open():
        party = says(town, "/v1/parties", "p", name="Joëlle Bakker")["party_id"]
        says(town, f"/v1/parties/{party}/addresses", "a", address={"kind": "email", "value": MAIL})
        says(town, "/v1/cases", "k", party_id=party, kind="passport", title="Paspoort aanvragen")
        booking = {"reference": "jcc-1", "product": "passport", "party_id": party, "starts_at": starts.isoformat()}
        visit = says(town, "/v1/appointments", "b", **booking)["appointment_id"]
        eventually(lambda: len(town.relay.taken) == 2)
        assert len(town.facts("timer.set")) >= 2  # Among them the two reminders.
        page.goto(link(town, "/a/"))
        page.get_by_role("link", name="Afspraak afzeggen").click()
        assert town.facts("appointment.cancelled") == []
        page.get_by_role("button", name="Ja, zeg mijn afspraak af").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Uw afspraak gaat niet door")
        fit(page, "story-cancelled")
        eventually(lambda: len(town.relay.taken) == 3)
        assert "gaat niet door" in str(mail(town.relay.taken[-1])["Subject"])
        cleared = [fact["name"] for fact in town.facts("timer.cleared") if fact["about"] == f"appointment/{visit}"]
        planned = [fact["name"] for fact in town.facts("timer.set") if fact["about"] == f"appointment/{visit}"]
        assert {name for name in planned if name.startswith("notify.")} <= set(cleared)
        page.goto(link(town, "/m/"))
        expect(page.get_by_role("region", name="Paspoort aanvragen")).to_be_visible()
        expect(page.get_by_role("heading", name="Uw afspraken")).to_have_count(0)
        page.locator("summary").last.click()
        expect(page.get_by_text("uw afspraak gaat niet door")).to_be_visible()
        fit(page, "story-cases")
        page.get_by_role("link", name="Stel een vraag over een zaak").click()
        page.get_by_label("Wat is uw vraag?").fill("Kan ik een nieuwe afspraak maken?")
        page.get_by_role("button", name="Verstuur").click()
        expect(page.get_by_role("status")).to_contain_text("Wij hebben uw vraag")
        browser = page.context.browser
        assert browser
        with opened(browser) as desk:
            agent = Agent(desk)
            agent.comes_in(town.draad)
            agent.turns_to("Website")
            expect(desk.locator("#verhaal")).to_contain_text("Kan ik een nieuwe afspraak maken?")
            agent.looks_up("Joëlle Bakker")
            agent.sees("Afspraak afgezegd")
            expect(desk.get_by_text("afgezegd", exact=True).first).to_be_visible()
        assert [fact["by"] for fact in town.facts("appointment.cancelled")] == ["party"]
