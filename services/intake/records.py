"""HTTP in for what agents do: parties, what belongs to whom, cases and tasks. Each act is a fact, once, and durable."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request
from pydantic import ValidationError

from channels.address import address as address_of
from channels.blind import blind, object_id
from channels.repeat import KEY_PARAMETER, named
from engine.engine import Engine
from schemas import case as k
from schemas import contact as c
from schemas import conversation as v
from schemas import party as p
from schemas import task as t
from schemas.errors import Refused
from schemas.event import Event, fact, faults
from schemas.kinds import KINDS, OFF, OPTIONAL
from schemas.reading import posted
from services.intake import acts
from services.intake.api import ROOM
from services.intake.body import Address, described, moment

Answer = Mapping[str, str]
Made = tuple[list[Event], Answer]


class Call(NamedTuple):
    """One act that was posted: on what, what it says, and the id that it gives to what is new."""

    on: Mapping[str, Any]  # From the path, such as `party_id`.
    body: Any
    name: str
    at: datetime
    pepper: bytes

    @property
    def who(self) -> dict[str, Any]:
        return {"at": self.at, "agent_id": self.body.agent_id}

    def address(self, given: Address) -> dict[str, Any]:
        found = address_of(given.kind, given.value)
        return {"address_id": found.pseudonym(self.pepper), "address": found.value}


def register(call: Call) -> Made:
    event = p.PartyRegistered(at=call.at, party_id=call.name, kind=call.body.kind, name=call.body.name)
    return [event], {"party_id": call.name}


def link(call: Call) -> Made:
    said = call.address(call.body.address)
    channel = call.body.channel if call.body.channel != "unknown" else call.body.address.kind
    event = p.PartyAddressLinked(at=call.at, **call.on, **said, channel=channel, certainty=call.body.certainty)
    return [event], {"address_id": event.address_id}


def known_by(call: Call) -> Made:
    digest = blind(call.body.scheme, call.body.value, call.pepper)
    return [p.PartyIdentifierSet(**call.who, **call.on, scheme=call.body.scheme, digest=digest)], {}


def prefer(call: Call) -> Made:
    body = call.body
    if body.kind is not None and body.kind not in KINDS:
        raise Refused(f"there is no such kind of message: kind is one of {', '.join(KINDS)}")
    if body.channel == OFF and body.kind not in OPTIONAL:
        raise Refused(f"only {' and '.join(sorted(OPTIONAL))} can be off: all else they have to hear")
    if body.kind:
        return [p.PartyKindPreferred(at=call.at, **call.on, kind=body.kind, channel=body.channel, how="api")], {}
    return [p.PartyPreferenceSet(at=call.at, **call.on, channel=body.channel, language=body.language)], {}


def merge(call: Call) -> Made:
    if call.body.party_id == call.on["party_id"]:
        raise Refused("a party is not merged with itself: name the other one")
    return [p.PartyMerged(**call.who, **call.on, merged_id=call.body.party_id)], {}


def unmerge(call: Call) -> Made:
    """From both sides, for it does not matter on whose it was said."""
    one, other = call.on["party_id"], call.body.party_id
    both = ((one, other), (other, one))
    return [p.PartyUnmerged(**call.who, party_id=this, merged_id=that) for this, that in both], {}


def reach_out(call: Call) -> Made:
    body, said = call.body, call.address(call.body.address)
    event = c.ContactMade(
        **call.who, **said, contact_id=call.name, channel=body.channel, reached=body.reached, text=body.text
    )
    return [event], {"contact_id": call.name, "address_id": event.address_id}


def give(call: Call) -> Made:
    body = call.body
    on = {"contact_id": call.on["contact_id"], "address_id": body.address_id, "party_id": body.party_id}
    return [c.ContactIdentified(**call.who, **on, certainty=body.certainty, how=body.how)], {}


def take_back(call: Call) -> Made:
    body = call.body
    on = {"contact_id": call.on["contact_id"], "address_id": body.address_id, "party_id": body.party_id}
    return [c.ContactUnidentified(**call.who, **on)], {}


def file(call: Call) -> Made:
    body = call.body
    event = c.ContactFiled(
        **call.who, **call.on, case_id=body.case_id, certainty=body.certainty, address_id=body.address_id
    )
    return [event], {}


def tie(call: Call) -> Made:
    on = thing(call)
    return [c.ContactTied(**call.who, **call.on, **on, kind=call.body.kind, title=call.body.title)], on


def untie(call: Call) -> Made:
    on = thing(call)
    return [c.ContactUntied(**call.who, **call.on, **on)], on


def thing(call: Call) -> dict[str, Any]:
    body = call.body
    return {"address_id": body.address_id, "object_id": object_id(body.kind, body.title, call.pepper)}


def close(call: Call) -> Made:
    return [v.ConversationClosed(**call.who, **call.on, address_id=call.body.address_id, reason="agent")], {}


def take(call: Call) -> Made:
    agent = "" if call.body.let_go else call.body.agent_id
    return [v.ConversationTaken(at=call.at, **call.on, address_id=call.body.address_id, agent_id=agent)], {}


def open_case(call: Call) -> Made:
    """With what it began with, if that is said; a sub-case is told on its main case too.

    By when it is due is said first: so whoever tells that it begins knows that too, and tells it once.
    """
    body, on, main = call.body, dict[str, Any](case_id=call.name), call.body.main_id or ""
    said = {"party_id": body.party_id, "kind": body.kind, "title": body.title}
    events: list[Event] = [k.CaseDueSet(at=call.at, **on, due=body.due)] if body.due else []
    events.append(k.CaseOpened(at=call.at, **on, **said, main_id=main))
    if main:
        events.append(k.CaseSplit(**call.who, case_id=main, sub_id=call.name, title=body.title))
    if body.contact_id:
        address = body.address_id or ""
        filed = c.ContactFiled(**call.who, **on, contact_id=body.contact_id, certainty="certain", address_id=address)
        events.append(filed)
    return events, on


COPIED: Final = ("kind", "owner_kind", "owner", "due", "title", "text", "about")


def open_task(call: Call) -> Made:
    body = call.body
    said = call.address(body.address) if body.address else {}
    copied: dict[str, Any] = {
        name: getattr(body, name) for name in ("kind", "owner_kind", "owner", "due", "title", "text", "about")
    }
    event = t.TaskOpened(**call.who, task_id=call.name, **copied, **said, contact_id=body.contact_id or "")
    return [event], {"task_id": call.name}


def simple(event: type[Event], *, agent: bool = True, less: frozenset[str] = frozenset()) -> Callable[[Call], Made]:
    """An act that says what its body says, and nothing else."""

    def make(call: Call) -> Made:
        said = {name: value for name, value in call.body if name not in {"at", "agent_id", *less}}
        return [event(**(call.who if agent else {"at": call.at}), **call.on, **said)], {}

    return make


Acting = tuple[str, str, type[acts.Act], Callable[[Call], Made]]
ACTS: Final[tuple[Acting, ...]] = (
    ("/parties", "Register a party", acts.NewParty, register),
    ("/parties/{party_id}/addresses", "Link an address to a party", acts.NewLink, link),
    (
        "/parties/{party_id}/addresses/{address_id}/unlink",
        "Say that a party is not to be reached there",
        acts.Act,
        simple(p.PartyAddressUnlinked, agent=False),
    ),
    ("/parties/{party_id}/identifiers", "Say by which number it is known", acts.NewIdentifier, known_by),
    ("/parties/{party_id}/preference", "Say how a party likes to hear from us", acts.Preference, prefer),
    ("/parties/{party_id}/merge", "Say that two parties are one", acts.Other, merge),
    ("/parties/{party_id}/unmerge", "Say that two parties are two after all", acts.Other, unmerge),
    ("/contacts/made", "Register that we reached out", acts.NewMade, reach_out),
    ("/contacts/{contact_id}/notes", "Write down what it was about", acts.Note, simple(c.ContactNoted)),
    ("/contacts/{contact_id}/identify", "Say whose contact it is", acts.Given, give),
    ("/contacts/{contact_id}/unidentify", "Say whose contact it is not", acts.Given, take_back),
    ("/contacts/{contact_id}/file", "File a contact under a case", acts.Filing, file),
    (
        "/contacts/{contact_id}/unfile",
        "Take a contact out of a case",
        acts.Filing,
        simple(c.ContactUnfiled, less=frozenset({"certainty", "address_id"})),
    ),
    ("/contacts/{contact_id}/tie", "Say which object a contact is about", acts.Thing, tie),
    ("/contacts/{contact_id}/untie", "Say that it is not about this object", acts.Thing, untie),
    ("/contacts/{contact_id}/end", "Say that it is over", acts.End, simple(c.ContactEnded, agent=False)),
    ("/contacts/{contact_id}/transfer", "Pass it on to a colleague", acts.Transfer, simple(c.ContactTransferred)),
    ("/conversations/{conversation_id}/close", "Close a conversation", acts.OnContact, close),
    ("/conversations/{conversation_id}/take", "Say who is at it", acts.Take, take),
    ("/cases", "Open a case", acts.NewCase, open_case),
    ("/cases/{case_id}/status", "Say where a case stands", acts.Status, simple(k.CaseStatusChanged, agent=False)),
    ("/cases/{case_id}/due", "Say by when a case is done", acts.Due, simple(k.CaseDueSet, agent=False)),
    ("/cases/{case_id}/suspend", "Say that its time stands still", acts.Wait, simple(k.CaseSuspended, agent=False)),
    ("/cases/{case_id}/resume", "Say that its time runs again", acts.Act, simple(k.CaseResumed, agent=False)),
    ("/cases/{case_id}/assign", "Say whose a case is", acts.Act, simple(k.CaseAssigned)),
    ("/cases/{case_id}/close", "Close a case", acts.Outcome, simple(k.CaseClosed, agent=False)),
    ("/cases/{case_id}/reopen", "Reopen a case", acts.Act, simple(k.CaseReopened, agent=False)),
    ("/tasks", "Open a task, such as a call-back", acts.NewTask, open_task),
    ("/tasks/{task_id}/assign", "Pass a task on", acts.Owner, simple(t.TaskAssigned)),
    ("/tasks/{task_id}/tried", "Say that it was tried", acts.Try, simple(t.TaskTried)),
    ("/tasks/{task_id}/due", "Move a task", acts.Due, simple(t.TaskDueSet)),
    ("/tasks/{task_id}/done", "Say what came of a task", acts.Done, simple(t.TaskDone)),
    ("/tasks/{task_id}/reopen", "Reopen a task", acts.Act, simple(t.TaskReopened)),
)


def router(engine: Engine, pepper: bytes, clock: Callable[[], datetime]) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["records"])
    for path, summary, model, make in ACTS:
        taken = accept(engine, pepper, clock, path, model, make)
        routes.post(path, status_code=201, summary=summary, openapi_extra=documented(path, model))(taken)
    return routes


def accept(  # noqa: PLR0913, PLR0917  # All that one route stands on.
    engine: Engine,
    pepper: bytes,
    clock: Callable[[], datetime],
    path: str,
    model: type[acts.Act],
    make: Callable[[Call], Made],
) -> Callable[[Request], Any]:
    async def taken(request: Request) -> dict[str, str]:
        """201 means that the fact is durable; 503 that nobody knows: send it again as it was."""
        body, on = posted(model, await request.body()), request.path_params
        name = named(request.headers, ROOM, " ".join([path, *on.values()]), body.model_dump_json(), pepper)
        try:
            events, answer = make(Call(on, body, name, moment(body.at, clock()), pepper))
        except ValidationError as error:
            raise Refused(f"the address of this page or the body is wrong in {faults(error)}") from None
        await engine.append(*(fact(event, key=name) for event in events))
        return dict(answer)

    taken.__name__ = "_".join(word.strip("{}") for word in path.split("/") if word)
    return taken


def documented(path: str, model: type[acts.Act]) -> dict[str, Any]:
    ids = [word.strip("{}") for word in path.split("/") if word.startswith("{")]
    places = [{"name": one, "in": "path", "required": True, "schema": {"type": "string"}} for one in ids]
    return {"parameters": [*places, KEY_PARAMETER], "requestBody": described(model)}
