"""All that people should see of somebody, a row per fact: what every story is read from.

It says of each fact when it happened and what it is about. Whose it is, is asked when it is read. What looks like a
BSN is masked.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text

from engine.processor import Put, State, register
from engine.work import stamp
from schemas import appointment as a
from schemas import case as k
from schemas import contact as c
from schemas import conversation as v
from schemas import message as m
from schemas import notification as n
from schemas import opinion as o
from schemas import party as p
from schemas import task as t
from schemas.address import AddressRestored, AddressRevealed, AddressSuppressed
from schemas.event import Envelope, Event
from services.desk.mask import masked

SENT_MAX: Final = 100  # Messages of one address, of which it is remembered which contact they answered.

IDS: Final = (
    "contact_id",
    "address_id",
    "party_id",
    "case_id",
    "appointment_id",
    "task_id",
    "conversation_id",
    "message_id",
    "agent_id",
)
PLAIN: Final = ("channel", "product")
WORDS: Final = ("reason", "status", "outcome", "result", "template", "desk", "kind", "by", "scheme", "to")
WRITTEN: Final = ("title", "text")
DUE: Final = ("due", "starts_at")
# What no page needs: who needs an address asks `desk.addresses`.
UNTOLD: Final = frozenset(
    {"at", "raw", "digest", "refers_to", "reference", "address", "thread_id", "calendar", "until"}
)
TOLD: Final = {*IDS, *PLAIN, *WRITTEN, *UNTOLD}  # In columns of their own, or not at all.

KEY: Final = ("at", "partition", "position")  # The order of a story.

table: Final = Table(
    "entry",
    MetaData(),
    Column("partition", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(27), nullable=False),
    Column("type", Text, nullable=False),
    *(Column(name, Text, nullable=False) for name in (*IDS, *PLAIN)),
    Column("word", Text, nullable=False),  # The one word of it: a reason, a status, a result.
    Column("due", Text, nullable=False),  # The moment that it speaks of.
    *(Column(name, Text, nullable=False) for name in WRITTEN),
    Column("detail", Text, nullable=False),  # What else it says, as a JSON object.
    Index("entry_at", *KEY),
    Index("entry_address", "address_id", *KEY, "contact_id"),
    Index("entry_contact", "contact_id", *KEY),
    Index("entry_party", "party_id", *KEY),
    Index("entry_case", "case_id", *KEY),
)

OfAddress = (
    c.ContactReceived
    | c.ContactAnswered
    | c.ContactMade
    | c.ContactTransferred
    | c.ContactMissed
    | c.ContactEnded
    | c.ContactNoted
    | c.ContactAttached
    | c.ContactTied
    | c.ContactUntied
    | c.ContactOverdue
    | AddressRevealed
    | AddressSuppressed
    | AddressRestored
    | v.ConversationOpened
    | v.ConversationContinued
    | v.ConversationReopened
    | v.ConversationClosed
    | m.MessageSent
    | m.MessageDelivered
    | m.MessageRead
    | m.MessageBounced
    | m.MessageFailed
    | m.MessageUnknown
)
OfParty = (
    c.ContactIdentified
    | c.ContactUnidentified
    | p.PartyRegistered
    | p.PartyIdentifierSet
    | p.PartyIdentifierUnset
    | p.PartyAddressLinked
    | p.PartyAddressUnlinked
    | p.PartyMerged
    | p.PartyUnmerged
    | p.PartyPreferenceSet
    | p.PartyKindPreferred
)
OfCase = (
    c.ContactFiled
    | c.ContactUnfiled
    | k.CaseOpened
    | k.CaseSplit
    | k.CaseAssigned
    | k.CaseStatusChanged
    | k.CaseDueSet
    | k.CaseDueSoon
    | k.CaseSuspended
    | k.CaseResumed
    | k.CaseOverdue
    | k.CaseClosed
    | k.CaseReopened
)
OfRest = (
    t.TaskOpened
    | t.TaskAssigned
    | t.TaskTried
    | t.TaskDueSet
    | t.TaskDone
    | t.TaskReopened
    | t.TaskOverdue
    | a.AppointmentBooked
    | a.AppointmentChanged
    | a.AppointmentCancelled
    | a.AppointmentConfirmed
    | a.AppointmentWalkedIn
    | a.AppointmentArrived
    | a.AppointmentCalled
    | a.AppointmentServed
    | a.AppointmentNoShow
    | n.NotificationRequested
    | n.NotificationSent
    | n.NotificationDelivered
    | n.NotificationBounced
    | n.NotificationFailed
    | n.NotificationUnknown
    | n.NotificationWithheld
    | o.OpinionWanted
    | o.OpinionGiven
)
Fact = OfAddress | OfParty | OfCase | OfRest


class About(State, frozen=True):
    """What the first fact of a subject said it is about, for those that follow and say it no more."""

    contact_id: str = ""
    address_id: str = ""
    party_id: str = ""
    case_id: str = ""
    appointment_id: str = ""
    sent: tuple[tuple[str, str], ...] = ()  # Messages, and the contacts they belong to,
    told: tuple[tuple[str, str], ...] = ()  # and what those of them tell of that were notifications.


ABOUT: Final = tuple(name for name in IDS if name in About.__struct_fields__)


def show(about: About, event: Fact, cause: Envelope) -> tuple[About, list[Put]]:
    after = remember(about, event)
    said = vars(event)
    ids = {name: said.get(name, "") for name in IDS}
    match event:
        case m.Message():
            ids["contact_id"] = dict(after.sent).get(event.message_id, "")
            ids |= named(dict(after.told).get(event.message_id, ""))
        case c.ContactMade():
            ids |= named(event.about)
        case v.ConversationContinued():
            ids |= {"contact_id": "", "address_id": ""}  # In no story: who watches one hears that it grew.
        case v.Conversation():
            ids["contact_id"] = ids["contact_id"] or event.conversation_id  # It is named after its first contact.
        case k.Case() | t.Task() | a.Appointment() | n.Notification() | o.OpinionWanted() | o.OpinionGiven():
            ids |= {name: getattr(after, name) for name in ABOUT if not ids[name]}
        case _:
            pass
    return after, [Put(row(event, cause, ids))]


def remember(about: About, event: Fact) -> About:
    match event:
        case c.ContactAnswered() | c.ContactMade() if event.message_id:
            sent = (*about.sent, (event.message_id, event.contact_id))[-SENT_MAX:]
            if isinstance(event, c.ContactMade) and event.about:
                return about.but(sent=sent, told=(*about.told, (event.message_id, event.about))[-SENT_MAX:])
            return about.but(sent=sent)
        case k.CaseOpened():
            return about.but(party_id=event.party_id)
        case (
            t.TaskOpened()
            | a.AppointmentBooked()
            | a.AppointmentWalkedIn()
            | n.NotificationRequested()
            | o.OpinionWanted()
        ):
            said = {name: value for name in ABOUT if (value := getattr(event, name, ""))}
            return about.but(**named(getattr(event, "about", "")) | said)
        case _:
            return about


def named(subject: str) -> dict[str, str]:
    """The id that a subject such as case/3f2a stands for, if stories are told of it."""
    kind, _, name = subject.partition("/")
    return {f"{kind}_id": name} if f"{kind}_id" in ABOUT else {}


def row(event: Event, cause: Envelope, ids: Mapping[str, str]) -> dict[str, Any]:
    said = vars(event)
    due = next((said[name] for name in DUE if name in said), None)
    rest = event.model_dump(mode="json", exclude_defaults=True, exclude=TOLD)
    return {
        "partition": cause.partition,
        "position": cause.position,
        "at": stamp(event.at),
        "type": event.type,
        **ids,
        **{name: said.get(name, "") for name in PLAIN},
        "word": next((said[name] for name in WORDS if name in said), ""),
        "due": stamp(due) if isinstance(due, datetime) else "",
        **{name: masked(said.get(name, "")) for name in WRITTEN},
        "detail": json.dumps(shaded(rest), ensure_ascii=False) if rest else "{}",
    }


def shaded(value: Any) -> Any:  # noqa: ANN401  # Whatever JSON can say.
    """The same, with every text in it masked."""
    match value:
        case str():
            return masked(value)
        case dict():
            return {name: shaded(inner) for name, inner in value.items()}
        case list():
            return [shaded(inner) for inner in value]
    return value


entry: Final = register("desk.entry", table, show)
