"""From a call to an answer, over the whole road: what is not sensitive is asked, once, and leads to the right page."""

from datetime import timedelta
from typing import Any, Final

from channels.link import OPINION as LINK
from channels.link import Links
from draad.parts import NOTIFY, OPINION, PARTS
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from schemas.contact import ContactAnswered, ContactEnded, ContactMade, ContactNoted, ContactReceived
from schemas.event import Event, fact
from schemas.notification import NotificationDue, NotificationSent, NotificationWithheld
from schemas.opinion import OpinionAsked
from schemas.party import PartyAddressLinked, PartyPreferenceSet
from services.notify.ended import WAIT
from services.notify.settings import NotifySettings, OpinionSettings
from services.notify.texts import read_texts
from services.notify.writer import Letterhead, Writer
from tests.rooms import NOW
from tests.services.resident.town import Hand

LINKS: Final = Links(b"l" * 32, "https://draad.voorbeeld.nl")
HEAD: Final = Letterhead(
    NotifySettings(organisation="Gemeente Voorbeeld"),
    read_texts(),
    {},
    {},
    LINKS,
    opinion=OpinionSettings(sensitive=("bijstand",)),
)


class Street:
    """Parts that run, residents who call, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.hand = Hand()
        self.engine = Engine(MemoryStore(Disk(), self.hand), clock=self.hand)
        self.writer = Writer(self.engine, HEAD, self.hand)

    async def tells(self, *events: Event) -> None:
        for nth, event in enumerate(events):
            await self.engine.append(fact(event, key=f"{self.hand.now} {nth}"))
        await self.settles()

    async def settles(self) -> None:
        await self.engine.settle(*PARTS, *NOTIFY, *OPINION)

    async def later(self, wait: timedelta) -> None:
        self.hand.now += wait
        await self.settles()

    async def calls(self, contact: str, product: str) -> None:
        """A call that is answered, ended, and noted after it."""
        on: dict[str, Any] = {"at": self.hand.now, "contact_id": contact, "address_id": "a1"}
        await self.tells(
            ContactReceived(**on, channel="phone", kind="phone", address="+31612345678"),
            ContactAnswered(**on, agent_id="k1"),
            ContactEnded(**on, reason="completed"),
            ContactNoted(**on, agent_id="k1", product=product, result="answered"),
        )
        await self.later(WAIT)

    async def due(self) -> list[NotificationDue]:
        found = await self.engine.read(limit=500)
        return [NotificationDue.model_validate_json(one.data) for one in found if one.type == NotificationDue.type]


async def test_a_call_leads_to_a_question_where_they_like_it_and_a_second_call_to_none() -> None:
    street = Street()
    linked: dict[str, Any] = {"at": NOW, "party_id": "p1", "certainty": "certain"}
    await street.tells(
        PartyAddressLinked(**linked, address_id="a1", channel="phone", address="+31612345678"),
        PartyAddressLinked(**linked, address_id="a2", channel="email", address="j@mail.example"),
        PartyPreferenceSet(at=NOW, party_id="p1", channel="email", language="en"),
    )
    await street.calls("c1", "paspoort")
    [due] = await street.due()
    assert (due.channel, due.address, due.language, due.product) == ("email", "j@mail.example", "en", "paspoort")
    written = street.writer.written(due)
    assert isinstance(written, ContactMade)
    assert "On 23 November 2026 you were in contact with us by telephone." in written.text
    assert "paspoort" not in written.text + written.title
    [token] = [word.rpartition("/")[2] for word in written.text.split() if f"/{LINK}/" in word]
    opens = LINKS.read(LINK, token)
    assert opens
    assert opens.name == due.notification_id
    sent = NotificationSent(
        at=street.hand.now, notification_id=due.notification_id, channel="email", address_id="a2", reference="r"
    )
    await street.tells(sent)
    [asked] = [one for one in await street.engine.read(limit=500) if one.type == OpinionAsked.type]
    assert OpinionAsked.model_validate_json(asked.data).product == "paspoort"
    await street.later(timedelta(days=7))
    await street.calls("c2", "rijbewijs")
    assert len(await street.due()) == 1


async def test_of_what_is_sensitive_nothing_is_asked() -> None:
    street = Street()
    await street.calls("c1", "bijstand")
    [due] = await street.due()
    assert due.channel == "sms"
    withheld = street.writer.written(due)
    assert isinstance(withheld, NotificationWithheld)
    assert withheld.reason == "not-informed"
