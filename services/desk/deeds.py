"""What an agent does in a thread, as the facts that follow: picking up, noting, identifying, filing, merging."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from channels.address import ADDRESS_CHARS_MAX
from channels.address import address as address_of
from channels.blind import object_id
from schemas import case as k
from schemas import contact as c
from schemas import conversation as v
from schemas import party as p
from schemas import task as t
from schemas.errors import Refused
from schemas.event import Event, derived, faults
from services.desk.entrance import lead
from services.desk.forms import Form
from services.desk.words import HERE

OWNERS: Final = ("person", "group", "department")
DUE_MAX: Final = timedelta(days=366)

Deed = Callable[[Form, datetime], list[Event]]


def built(make: Callable[..., Event], **said: Any) -> Event:  # noqa: ANN401  # As its model has it.
    """Raises `Refused` where a field is wrong, and quotes nothing."""
    try:
        return make(**said)
    except ValidationError as error:
        raise Refused(f"this cannot be kept: {faults(error)}") from None


def contact(form: Form) -> dict[str, str]:
    return {"contact_id": form.line("contact_id", needed=True), "address_id": form.line("address_id", needed=True)}


def pick_up(form: Form, now: datetime) -> list[Event]:
    return [built(c.ContactAnswered, at=now, agent_id=form.session.agent_id, **contact(form))]


def note(form: Form, now: datetime) -> list[Event]:
    text, result = form.text("text", needed=True), form.line("result") or "unknown"
    return [built(c.ContactNoted, at=now, agent_id=form.session.agent_id, text=text, result=result, **contact(form))]


def close(form: Form, now: datetime) -> list[Event]:
    said = {"conversation_id": form.line("conversation_id", needed=True), "address_id": form.line("address_id")}
    return [built(v.ConversationClosed, at=now, reason="agent", agent_id=form.session.agent_id, **said)]


def identify(form: Form, now: datetime) -> list[Event]:
    """This contact was made by this party, for certain: an agent says so."""
    said = {"party_id": form.line("party_id", needed=True), "certainty": "certain", "how": "agent"}
    return [built(c.ContactIdentified, at=now, agent_id=form.session.agent_id, **contact(form), **said)]


def misidentified(form: Form, now: datetime) -> list[Event]:
    party = form.line("party_id", needed=True)
    return [built(c.ContactUnidentified, at=now, agent_id=form.session.agent_id, party_id=party, **contact(form))]


def link(form: Form, now: datetime) -> list[Event]:
    """This address is this party's; one that is new to us gets its name first."""
    party = form.line("party_id")
    kind, value = form.line("channel", needed=True), form.line("address", needed=True, most=ADDRESS_CHARS_MAX)
    events: list[Event] = []
    if not party:
        name = form.line("party", needed=True)
        party = derived(f"desk party {form.session.agent_id} {form.key} {name}")
        sort = "organisation" if form.line("kind") == "organisation" else "person"
        events.append(built(p.PartyRegistered, at=now, party_id=party, kind=sort, name=name))
    said = {"address_id": form.line("address_id", needed=True), "channel": kind, "address": value}
    return [*events, built(p.PartyAddressLinked, at=now, party_id=party, certainty="certain", **said)]


def unlink(form: Form, now: datetime) -> list[Event]:
    said = {"party_id": form.line("party_id", needed=True), "address_id": form.line("address_id", needed=True)}
    return [built(p.PartyAddressUnlinked, at=now, **said)]


def merge(form: Form, now: datetime) -> list[Event]:
    lead(form.session)
    return [built(p.PartyMerged, at=now, agent_id=form.session.agent_id, **pair(form))]


def unmerge(form: Form, now: datetime) -> list[Event]:
    lead(form.session)
    return [built(p.PartyUnmerged, at=now, agent_id=form.session.agent_id, **pair(form))]


def pair(form: Form) -> dict[str, str]:
    said = {"party_id": form.line("party_id", needed=True), "merged_id": form.line("merged_id", needed=True)}
    if said["party_id"] == said["merged_id"]:
        raise Refused("nobody is merged with themselves: choose somebody else")
    return said


def file(form: Form, now: datetime) -> list[Event]:
    case = form.line("case_id", needed=True)
    said = {"case_id": case, "certainty": "certain", "agent_id": form.session.agent_id}
    return [built(c.ContactFiled, at=now, **contact(form), **said)]


def unfile(form: Form, now: datetime) -> list[Event]:
    said = {"contact_id": form.line("contact_id", needed=True), "case_id": form.line("case_id", needed=True)}
    return [built(c.ContactUnfiled, at=now, agent_id=form.session.agent_id, **said)]


def open_case(form: Form, now: datetime) -> list[Event]:
    """A new matter, and the contact it began with in it."""
    name = form.line("title", needed=True)
    case = derived(f"desk case {form.session.agent_id} {form.key} {name}")
    party = form.line("party_id") or f"unknown.{form.line('address_id', needed=True)}"[:120]
    main, who = form.line("main_id"), {"at": now, "agent_id": form.session.agent_id}
    events = [built(k.CaseOpened, at=now, case_id=case, party_id=party, kind="question", title=name, main_id=main)]
    if main:
        events.append(built(k.CaseSplit, **who, case_id=main, sub_id=case, title=name))
    if form.line("contact_id"):
        events.append(built(c.ContactFiled, **who, **contact(form), case_id=case, certainty="certain"))
    return events


def tie(form: Form, now: datetime) -> list[Event]:
    """This contact is about a tree, a street, a building."""
    kind, title = form.line("kind", needed=True), form.line("title", needed=True)
    name = object_id(kind, title, form.pepper)
    who = {"agent_id": form.session.agent_id, **contact(form)}
    return [built(c.ContactTied, at=now, **who, object_id=name, kind=kind, title=title)]


def untie(form: Form, now: datetime) -> list[Event]:
    said = {"object_id": form.line("object_id", needed=True), "agent_id": form.session.agent_id}
    return [built(c.ContactUntied, at=now, **contact(form), **said)]


def open_task(form: Form, now: datetime) -> list[Event]:
    """Somebody calls back, by then."""
    owner_kind = form.line("owner_kind") or "group"
    said = {
        "kind": form.line("kind") or "call-back",
        "owner_kind": owner_kind if owner_kind in OWNERS else "group",
        "owner": form.line("owner", needed=True).replace(" ", "-"),
        "due": due(form, now),
        "about": form.line("about"),
        "title": form.line("title", needed=True),
        "text": form.text("text"),
        "contact_id": form.line("contact_id"),
        "address_id": form.line("address_id"),
        "address": form.line("address"),
        "agent_id": form.session.agent_id,
    }
    name = derived(f"desk task {form.session.agent_id} {form.key} {said['title']}")
    return [built(t.TaskOpened, at=now, task_id=name, **said)]


def due(form: Form, now: datetime) -> datetime:
    """By when, as the clock here shows it. Raises `Refused`."""
    try:
        found = datetime.fromisoformat(form.line("due", needed=True)).replace(tzinfo=HERE)
    except ValueError:
        raise Refused("due is no date and time") from None
    if not now - timedelta(days=1) <= found <= now + DUE_MAX:
        raise Refused("due lies in the past, or more than a year ahead")
    return found


def called(form: Form, now: datetime, channel: str) -> list[Event]:
    """A call or visit that no exchange told us of: what it was about, with whom if that is known, what came of it."""
    text, result, whom = form.text("text", needed=True), form.line("result") or "answered", form.line("who")
    name = derived(f"desk {channel} {form.session.agent_id} {form.key} {text}")
    kind = "email" if "@" in whom else "phone" if sum(sign.isdigit() for sign in whom) >= 5 else ""  # noqa: PLR2004
    given = address_of(kind, whom) if kind else None
    ids = {"contact_id": name, "address_id": given.pseudonym(form.pepper) if given else f"unknown.{name}"}
    where = {"kind": given.kind, "address": given.value} if given else {"profile": whom}
    agent = form.session.agent_id
    return [
        built(c.ContactReceived, at=now, channel=channel, inbox="desk", **ids, **where),
        built(c.ContactAnswered, at=now, agent_id=agent, **ids),
        built(c.ContactNoted, at=now, agent_id=agent, text=text, result=result, **ids),
        built(c.ContactEnded, at=now, reason="completed", **ids),
    ]


# What a form may ask of a thread, by the last word of its address.
DEEDS: Final[dict[str, Deed]] = {
    "pick-up": pick_up,
    "note": note,
    "close": close,
    "identify": identify,
    "misidentified": misidentified,
    "link": link,
    "unlink": unlink,
    "merge": merge,
    "unmerge": unmerge,
    "file": file,
    "unfile": unfile,
    "case": open_case,
    "tie": tie,
    "untie": untie,
    "task": open_task,
}
