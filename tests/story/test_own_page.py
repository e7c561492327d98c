"""She is told of her appointment by mail, moves it on the page behind the link, and cancels; no reminder follows."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
import pytest
from playwright.sync_api import Page, expect

from simulation.twilio import PUBLIC
from tests.story.test_told import TOLD, mail, says, words
from tests.story.town import MAIL, Town, eventually

LINK: Final = re.compile(rf"{re.escape(PUBLIC)}(/a/\S+)")


def link(town: Town) -> str:
    """Where the last mail that has one leads to; the world finds this Draad at another address than its own machine."""
    found = [path for taken in town.relay.taken for path in LINK.findall(words(mail(taken)))]
    return f"{town.draad.address}{found[-1]}"


def planned(town: Town, visit: str, kind: str = "timer.set") -> set[str]:
    """The reminders of it that were ever planned."""
    named = {fact["name"] for fact in town.facts(kind) if fact["about"] == f"appointment/{visit}"}
    return {name for name in named if name.startswith("notify.")}


def cleared(town: Town, visit: str) -> set[str]:
    return planned(town, visit, "timer.cleared")


def moves(town: Town, page: Page, visit: str, other: datetime) -> None:
    """To an hour that is free; her reminders go along, and a mail says so."""
    hours = [{"starts_at": other.isoformat()}]
    says(town, "/v1/appointments/hours", "h", product="passport", day=f"{other.date()}", hours=hours)
    eventually(lambda: "1 tijd vrij" in httpx.get(f"{link(town)}/move", trust_env=False).text)
    before = planned(town, visit)
    page.goto(link(town))
    page.get_by_role("link", name="Afspraak verzetten").click()
    page.get_by_role("radio").check()
    page.get_by_role("button", name="Verzet mijn afspraak").click()
    expect(page.get_by_role("status")).to_contain_text("Uw afspraak is verzet")
    eventually(lambda: len(town.relay.taken) == 2)
    assert "is nu op" in str(mail(town.relay.taken[-1])["Subject"])
    eventually(lambda: planned(town, visit) - before)  # For the new hour.
    assert before <= cleared(town, visit)
    [moved] = town.facts("appointment.changed")
    assert (moved["by"], moved["starts_at"]) == ("party", f"{other:%Y-%m-%dT%H:%M:%SZ}")


@pytest.mark.timeout(300)
def test_she_moves_and_cancels_where_her_mail_leads_to_and_no_reminder_follows(town: Town, page: Page) -> None:
    starts = datetime.now(UTC) + timedelta(days=9)
    other = (starts + timedelta(days=7)).replace(hour=10, minute=0, second=0, microsecond=0)
    (town.folder / "site.toml").write_text(TOLD)
    with town.open():
        party = says(town, "/v1/parties", "p", name="Joëlle Bakker")["party_id"]
        says(town, f"/v1/parties/{party}/addresses", "a", address={"kind": "email", "value": MAIL})
        booking = {"reference": "jcc-1", "product": "passport", "party_id": party, "starts_at": starts.isoformat()}
        visit = says(town, "/v1/appointments", "b", **booking)["appointment_id"]
        eventually(lambda: len(town.relay.taken) == 1)
        assert len(town.facts("timer.set")) >= 2  # Among them the two reminders.
        moves(town, page, visit, other)
        page.goto(link(town))
        page.get_by_role("link", name="Afspraak afzeggen").click()
        assert town.facts("appointment.cancelled") == []
        page.get_by_role("button", name="Ja, zeg mijn afspraak af").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Uw afspraak gaat niet door")
        eventually(lambda: len(town.relay.taken) == 3)
        assert "gaat niet door" in str(mail(town.relay.taken[-1])["Subject"])
        assert planned(town, visit) <= cleared(town, visit)
