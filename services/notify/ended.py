"""Contacts that are over, of which could be asked what they think: a person asked, and somebody answered.

It is looked at some time after the end, when the agent has noted what it was about. What was about several things is
not asked about: no score could say of which.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from channels.address import reachable_by_sms
from engine.processor import State, processor
from schemas.address import AddressOwned
from schemas.contact import ContactAnswered, ContactNoted, ContactPlaced, ContactReceived
from schemas.conversation import ConversationClosed, ConversationContinued, ConversationReopened
from schemas.event import Event, derived
from schemas.opinion import OpinionPrompted
from schemas.timer import TimerElapsed, TimerSet
from services.notify.confirmation import NOBODY, UNSURE
from services.notify.receipts import AGENT

NAME: Final = "notify.ended"
WAIT: Final = timedelta(hours=1)  # In which the agent notes what it was about.
FRESH: Final = timedelta(days=2)  # Then they have forgotten it.
TALKS_MAX: Final = 40  # Contacts of one address that are remembered.
OWNERS_MAX: Final = 20
OPEN: Final = frozenset({"call-back", "passed-on"})  # Results with which they are not helped yet,
HELPED: Final = "answered"  # and the one that says that they are, as of a visit that is registered afterwards.
GIVEN_UP: Final = "crowded"
UNKNOWN: Final = "unknown"
NOBODY_KNOWN: Final = "unknown."  # And the pseudonym of the address: who it is, where nobody knows that.


class Talk(State, frozen=True):
    """One contact, as far as it matters to whom and of what is asked."""

    contact_id: str
    conversation_id: str
    at: datetime
    channel: str
    product: str = UNKNOWN
    kinds: tuple[str, ...] = ()  # Of the cases that it is in.
    party_id: str = ""
    language: str = "nl"
    sure: bool = True  # It was a person, and the one that it says.
    helped: bool = False


class Ended(State, frozen=True):
    """What came in from one address, and whose that is."""

    road: str = UNKNOWN
    address: str = ""
    owners: tuple[str, ...] = ()
    talks: tuple[Talk, ...] = ()
    waits: tuple[tuple[str, datetime], ...] = ()  # Conversations that are over, and when it is decided.

    def put(self, talk: Talk) -> "Ended":
        rest = (one for one in self.talks if one.contact_id != talk.contact_id)
        return self.but(talks=(*rest, talk)[-TALKS_MAX:])

    def of(self, contact_id: str) -> Talk | None:
        return next((talk for talk in self.talks if talk.contact_id == contact_id), None)

    def without(self, conversation_id: str) -> "Ended":
        return self.but(waits=tuple(one for one in self.waits if one[0] != conversation_id))


About = ContactAnswered | ContactNoted | ContactPlaced
Course = ConversationContinued | ConversationReopened | ConversationClosed


def end(
    known: Ended, event: ContactReceived | About | AddressOwned | Course | TimerElapsed
) -> tuple[Ended, list[Event]]:
    match event:
        case ContactReceived():
            return (known if known.of(event.contact_id) else received(known, event)), []
        case ContactAnswered() | ContactNoted() | ContactPlaced():
            talk = known.of(event.contact_id)
            return (known.put(learned(talk, event)) if talk else known), []
        case AddressOwned():
            others = tuple(one for one in known.owners if one != event.party_id)
            return known.but(owners=(*others, *((event.party_id,) if event.owned else ()))[-OWNERS_MAX:]), []
        case ConversationContinued() | ConversationReopened():
            talk, after = known.of(event.contact_id), known.without(event.conversation_id)
            return (after.put(talk.but(conversation_id=event.conversation_id)) if talk else after), []
        case ConversationClosed():
            return over(known, event)
        case TimerElapsed():
            return decided(known, event)


def received(known: Ended, event: ContactReceived) -> Ended:
    nobody = event.kind == "email" and NOBODY.fullmatch(event.address.partition("@")[0])
    talk = Talk(
        contact_id=event.contact_id,
        conversation_id=event.contact_id,  # As it is named, unless it goes on with another.
        at=event.at,
        channel=event.channel,
        product=event.product,
        language=event.language if event.channel == "web" and event.language != UNKNOWN else "nl",
        sure=event.robot == "none" and not {*event.flags} & UNSURE and not nobody,
    )
    return known.put(talk).but(road=road(event) or known.road, address=event.address or known.address)


def road(event: ContactReceived) -> str:
    """On which a question reaches that address; empty where none does."""
    if event.kind == "phone" or event.channel in {"phone", "sms", "whatsapp"}:
        return "sms" if event.address and reachable_by_sms(event.address) else ""
    return "email" if event.kind == "email" else ""


def learned(talk: Talk, event: About) -> Talk:
    match event:
        case ContactAnswered():
            return talk.but(helped=True)
        case ContactNoted():
            product = talk.product if event.product == UNKNOWN else event.product
            helped = talk.helped or (event.result == HELPED and event.agent_id != AGENT)
            return talk.but(helped=helped and event.result not in OPEN, product=product)
        case ContactPlaced():
            kinds = talk.kinds if event.kind == UNKNOWN else (*talk.kinds, event.kind)[-TALKS_MAX:]
            whose = talk.party_id if event.placed or event.party_id != talk.party_id else ""
            return talk.but(party_id=(event.placed and event.party_id) or whose, kinds=kinds)


def over(known: Ended, event: ConversationClosed) -> tuple[Ended, list[Event]]:
    about = [talk for talk in known.talks if talk.conversation_id == event.conversation_id]
    if event.reason == GIVEN_UP or not any(talk.helped for talk in about):
        return known, []
    due = event.at + WAIT
    waits = (*known.without(event.conversation_id).waits, (event.conversation_id, due))[-TALKS_MAX:]
    timer = TimerSet(at=event.at, about=event.subject, name=f"{NAME}.{event.conversation_id}", due=due)
    return known.but(waits=waits), [timer]


def decided(known: Ended, event: TimerElapsed) -> tuple[Ended, list[Event]]:
    conversation = event.name.removeprefix(f"{NAME}.")
    if (conversation, event.due) not in known.waits:
        return known, []  # It goes on.
    about = [talk for talk in known.talks if talk.conversation_id == conversation]
    return known.without(conversation), prompted(known, event, about) if about else []


def prompted(known: Ended, event: TimerElapsed, about: Sequence[Talk]) -> list[Event]:
    last = max(about, key=lambda talk: talk.at)
    products, kinds = words(talk.product for talk in about), words(kind for talk in about for kind in talk.kinds)
    parties = {talk.party_id for talk in about if talk.party_id} or {*known.owners}
    party = next(iter(parties)) if len(parties) == 1 else ""  # Never chosen between several.
    sure, reached = all(talk.sure for talk in about), bool(party) or known.road != UNKNOWN
    one = max(len(products), len(kinds)) <= 1
    if not (sure and last.helped and reached and one):
        return []
    address = event.about.removeprefix("address/")
    said = {"road": known.road, "address": known.address}
    return [
        OpinionPrompted(
            at=event.at,
            opinion_id=derived(f"{event.about} {last.conversation_id} opinion {event.due.isoformat()}"),
            party_id=party or f"{NOBODY_KNOWN}{address}",
            address_id=address,
            about=f"contact/{last.contact_id}",
            channel=last.channel,
            product=next(iter(products), UNKNOWN),
            kind=next(iter(kinds), UNKNOWN),
            happened_at=last.at,
            until=event.due + FRESH,
            language=last.language,
            **({} if party else said),
        )
    ]


def words(said: Iterable[str]) -> set[str]:
    return {word for word in said if word != UNKNOWN}


ended = processor(NAME, end, version=2)
