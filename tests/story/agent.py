"""What an agent does at the desk, in their browser, for one resident."""

from typing import NamedTuple

from playwright.sync_api import Page, expect

from tests.chromium import press
from tests.desk import enter, state
from tests.running import Running


class Entry(NamedTuple):
    """A line of a timeline, as it is read."""

    title: str
    text: str


class Agent:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.at = ""

    def comes_in(self, house: Running) -> None:
        self.at = house.address
        enter(self.page, house)

    def turns_to(self, channel: str) -> None:
        """Open from the work list what waits there from this channel."""
        self.page.goto(f"{self.at}/")
        self.page.locator(".job__link", has=self.page.locator(f"strong:text-is('{channel}')")).first.click()
        state(self.page, "live")

    def knows_as(self, name: str) -> None:
        """Say who it is: somebody who is new here."""
        press(self.page, "i")
        self.page.keyboard.type(name)
        press(self.page, "Enter")
        expect(self.page.locator("#wie .chip--done")).to_be_visible()

    def recognises(self, name: str) -> None:
        """Say who it is: somebody who is known already."""
        self.page.get_by_label("Iemand die we kennen").fill(name)
        press(self.page, "Enter")
        self.page.get_by_role("button", name="Dit is hun adres").click()
        expect(self.page.locator("#wie .chip--done")).to_be_visible()
        state(self.page, "live")

    def answers(self, text: str, over: str) -> None:
        press(self.page, "r")
        way = self.page.locator("#weg option", has_text=over).get_attribute("value")
        self.page.locator("#weg").select_option(way)
        self.page.locator("#tekst").fill(text)
        press(self.page, "Control+Enter")
        expect(self.page.locator(".entry--done .entry__text", has_text=text)).to_have_count(1)

    def sees(self, title: str) -> None:
        expect(self.page.locator(".entry__title", has_text=title)).to_be_visible()

    def sees_of_it(self, text: str) -> None:
        expect(self.page.locator("#verhaal")).to_contain_text(text)

    def sees_of_the_answer(self, text: str, state: str) -> None:
        entry = self.page.locator(".entry--done", has_text=text)
        expect(entry.locator(".chip", has_text=state)).to_be_visible()

    def picks_up(self) -> None:
        self.page.goto(f"{self.at}/")
        expect(self.page.locator(".job--ring")).to_be_visible()
        press(self.page, "g")
        state(self.page, "live")
        press(self.page, "a")
        expect(self.page.locator(".ring")).to_have_count(0)

    def notes(self, text: str) -> None:
        press(self.page, "n")
        self.page.keyboard.type(text)
        press(self.page, "Control+Enter")
        expect(self.page.locator(".entry--note", has_text=text)).to_be_visible()
        press(self.page, "Escape")

    def promises_to_call_back(self, about: str) -> None:
        press(self.page, "t")
        self.page.keyboard.type(about)
        press(self.page, "Control+Enter")
        expect(self.page.locator("#taken")).to_contain_text(about)
        press(self.page, "Escape")

    def calls_back(self, about: str) -> None:
        """And reaches them, so that it is done."""
        self.page.goto(f"{self.at}/tasks")
        state(self.page, "live")
        task = self.page.locator("#open-lijst [data-row]", has_text=about)
        for key, came in (("1", task.filter(has_text="1 keer geprobeerd")), ("3", self.page.locator("#open-leeg"))):
            press(self.page, "j")
            expect(task).to_be_focused()
            press(self.page, key)
            expect(came).to_be_visible()
        expect(self.page.locator("#klaar-lijst")).to_contain_text(about)

    def opens_a_case(self, title: str) -> None:
        press(self.page, "l")
        self.page.keyboard.type(title)
        press(self.page, "Control+Enter")
        expect(self.page.locator("#zaken").get_by_role("link", name=title)).to_be_visible()

    def receives_at_the_counter(self) -> None:
        """They arrive, are called and are helped: one key each."""
        self.page.goto(f"{self.at}/counter")
        state(self.page, "live")
        for before, key, after in (("booked", "1", "arrived"), ("arrived", "2", "called"), ("called", "3", "served")):
            self.page.locator(f"#dag-{before} [data-row]").focus()
            press(self.page, key)
            expect(self.page.locator(f"#dag-{after}")).to_be_visible()

    def looks_up(self, name: str) -> None:
        self.page.get_by_role("search").get_by_role("searchbox").fill(name)
        press(self.page, "Enter")
        self.page.wait_for_url("**/search")
        self.page.get_by_role("link", name=name).click()
        state(self.page, "live")

    def reads(self) -> list[tuple[str, Entry]]:
        """The whole timeline with its hours, page after page, from the oldest line to the newest.

        What programs wrote to them came by the road that was open, and its words are not of this story.
        """
        told: list[tuple[str, Entry]] = []
        while True:
            expect(self.page.locator(".entry--maybe")).to_have_count(0)
            for card in self.page.locator("#verhaal .entry").all():
                title = card.locator(".entry__title").inner_text()
                entry = Entry(title, " ".join(card.locator(".entry__text").all_inner_texts()))
                program = title.startswith("Bericht via")
                hour = str(card.locator(".entry__time").get_attribute("datetime"))
                told.append((hour, Entry("Bericht", "") if program else entry))
            if not (older := self.page.locator("#ouder a")).is_visible():
                return told[::-1]
            older.click()
            expect(self.page.get_by_text("Het ververst niet vanzelf")).to_be_visible()
