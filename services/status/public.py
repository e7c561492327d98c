"""What others may hear of: which events, and of these only what says nothing of a person.

The rest is fetched over the API, with a token, where it is written down who looked.
"""

import json
from functools import cache
from typing import Any, Final

from schemas import appointment as a
from schemas import case as k
from schemas import contact as c
from schemas import conversation as v
from schemas import notification as n
from schemas import party as p
from schemas import task as t
from schemas.event import Envelope, Event

BODY_CHARS_MAX: Final = 16_000  # Subscribers need not take more. What would be longer travels without its data.
TRAVELS: Final = frozenset({"none", "pseudonymous"})

EVENTS: Final[tuple[type[Event], ...]] = (
    a.AppointmentBooked,
    a.AppointmentChanged,
    a.AppointmentCancelled,
    a.AppointmentConfirmed,
    a.AppointmentWalkedIn,
    a.AppointmentArrived,
    a.AppointmentCalled,
    a.AppointmentServed,
    a.AppointmentNoShow,
    k.CaseOpened,
    k.CaseSplit,
    k.CaseAssigned,
    k.CaseStatusChanged,
    k.CaseDueSet,
    k.CaseDueSoon,
    k.CaseSuspended,
    k.CaseResumed,
    k.CaseOverdue,
    k.CaseClosed,
    k.CaseReopened,
    c.ContactReceived,
    c.ContactAnswered,
    c.ContactMade,
    c.ContactMissed,
    c.ContactEnded,
    c.ContactOverdue,
    c.ContactIdentified,
    c.ContactUnidentified,
    c.ContactFiled,
    c.ContactUnfiled,
    v.ConversationOpened,
    v.ConversationReopened,
    v.ConversationClosed,
    n.NotificationSent,
    n.NotificationDelivered,
    n.NotificationBounced,
    n.NotificationFailed,
    n.NotificationUnknown,
    n.NotificationWithheld,
    p.PartyRegistered,
    p.PartyMerged,
    p.PartyUnmerged,
    p.PartyPreferenceSet,
    p.PartyKindPreferred,
    t.TaskOpened,
    t.TaskAssigned,
    t.TaskTried,
    t.TaskDueSet,
    t.TaskDone,
    t.TaskReopened,
    t.TaskOverdue,
)
PUBLIC: Final = {event.type: event for event in EVENTS}


@cache
def travelling(model: type[Event]) -> tuple[str, ...]:
    """The fields of this event that say nothing of a person."""
    return tuple(
        name
        for name, field in model.model_fields.items()
        if isinstance(extra := field.json_schema_extra, dict) and extra.get("personal") in TRAVELS
    )


def told(envelope: Envelope, source: str) -> str:
    """The event as others read it: a CloudEvent, with the fields that may travel."""
    said: dict[str, Any] = json.loads(envelope.data)
    thin = {name: said[name] for name in travelling(PUBLIC[envelope.type]) if name in said}
    body = written(envelope, source, thin)
    return body if len(body) <= BODY_CHARS_MAX else written(envelope, source, {"at": said["at"]})


def written(envelope: Envelope, source: str, data: dict[str, Any]) -> str:
    return json.dumps(envelope.cloudevent(source) | {"data": data}, ensure_ascii=False, separators=(",", ":"))


def fits(kind: str, subject: str, types: tuple[str, ...], about: str = "") -> bool:
    """Whether somebody who asked for these types, and subjects that begin so, hears of this."""
    return subject.startswith(about) and any(begins(kind, prefix) for prefix in types)


def begins(kind: str, prefix: str) -> bool:
    """A prefix ends in a dot; what does not is a whole type."""
    return kind.startswith(prefix) if prefix.endswith(".") else kind == prefix
