"""What a resident does in her browser, on pages of the municipality and behind the links that she got."""

import re
from typing import Final

from playwright.sync_api import Page, expect

from simulation.twilio import PUBLIC
from tests.story.test_told import mail, words
from tests.story.town import MAIL, Town, eventually

LINK: Final = re.compile(rf"{re.escape(PUBLIC)}(/[amo]/\S+)")


class Resident:
    def __init__(self, page: Page, town: Town) -> None:
        self.page, self.town = page, town

    def reads_the_website(self) -> None:
        with self.page.expect_event("requestfinished", lambda request: request.method == "POST"):
            self.page.goto(f"{self.town.website.origin}/paspoort")

    def asks_in_the_form(self, question: str) -> None:
        page = self.page
        page.goto(f"{self.town.draad.address}/contact/")
        page.get_by_label("Wat is uw vraag?").press_sequentially(question, delay=80)  # As quick as people type at best.
        page.get_by_label("E-mailadres").fill(MAIL)
        page.get_by_role("button", name="Verstuur uw vraag").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Wij hebben uw vraag")
        page.reload()  # Sent again by the browser.
        expect(page.get_by_role("heading", level=1)).to_have_text("Wij hebben uw vraag")

    def chats(self, question: str) -> None:
        self.page.goto(f"{self.town.website.origin}/paspoort")
        self.page.get_by_role("button", name="Chat").click()
        self.page.get_by_role("textbox").fill(question)
        self.page.get_by_role("textbox").press("Enter")
        expect(self.page.locator('.mine[data-state="sent"]')).to_have_count(1)

    def follows(self, kind: str) -> None:
        """Open the last link of this kind that she got, by mail or SMS.

        The world finds this Draad at another address than its own machine does.
        """

        def found() -> list[str]:
            texts = [words(mail(taken)) for taken in self.town.relay.taken]
            texts += [message["body"] for message in self.town.twilio.messages[::-1]]
            return [path for text in texts for path in LINK.findall(text) if path.startswith(f"/{kind}/")]

        eventually(found)
        self.page.goto(f"{self.town.draad.address}{found()[-1]}")

    def thinks(self, score: int, why: str) -> None:
        self.page.get_by_role("radio", name=str(score), exact=True).check()
        self.page.get_by_label("Waarom geeft u dit cijfer?").fill(why)
        self.page.get_by_role("button", name="Verstuur mijn antwoord").click()
        expect(self.page.get_by_role("status")).to_contain_text(f"U gaf ons een {score}.")

    def asks_about(self, case: str, question: str) -> None:
        expect(self.page.get_by_role("region", name=case)).to_be_visible()
        self.page.get_by_role("link", name="Stel een vraag over een zaak").click()
        self.page.get_by_label("Wat is uw vraag?").fill(question)
        self.page.get_by_role("button", name="Verstuur").click()
        expect(self.page.get_by_role("status")).to_contain_text("Wij hebben uw vraag")

    def cancels(self) -> None:
        """After a second thought: until then nothing is off."""
        self.page.get_by_role("link", name="Afspraak afzeggen").click()
        assert self.town.facts("appointment.cancelled") == []
        self.page.get_by_role("button", name="Ja, zeg mijn afspraak af").click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Uw afspraak gaat niet door")
