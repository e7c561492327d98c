"""Cases that are closed and visits that are served, of which their party could be asked what they think.

Of which kind a case is, is said to the contacts in it too: they are asked about with as much care as the case.
"""

from datetime import datetime, timedelta
from typing import Final

from engine.processor import State, processor
from schemas.appointment import AppointmentBooked, AppointmentServed, AppointmentWalkedIn
from schemas.case import CaseClosed, CaseOpened, CaseReopened
from schemas.contact import ContactFiled, ContactPlaced
from schemas.event import Event, derived
from schemas.opinion import OpinionPrompted
from schemas.timer import TimerElapsed, TimerSet
from services.notify.ended import FRESH, NOBODY_KNOWN, UNKNOWN, WAIT

CASES: Final = "notify.finished-cases"
VISITS: Final = "notify.finished-visits"
CASE: Final = "case"  # The channel of what came over none.
LATER: Final = timedelta(days=1)  # After the word that it is closed, which they read first.
FILED_MAX: Final = 20  # Contacts that were filed before it was told of which kind the case is.


class Matter(State, frozen=True):
    """A case, as far as it can be asked about."""

    party_id: str = ""
    kind: str = UNKNOWN
    part: bool = False  # Of another case, which is asked about.
    filed: tuple[tuple[str, str], ...] = ()  # Contacts, each with its address.
    closed_at: datetime | None = None


class Visit(State, frozen=True):
    """A visit, as far as it can be asked about."""

    party_id: str = ""
    product: str = UNKNOWN
    road: str = UNKNOWN
    address: str = ""
    address_id: str = ""
    served_at: datetime | None = None


def finish(
    known: Matter, event: CaseOpened | ContactFiled | CaseClosed | CaseReopened | TimerElapsed
) -> tuple[Matter, list[Event]]:
    match event:
        case CaseOpened() if not known.party_id:
            after = known.but(party_id=event.party_id, kind=event.kind, part=bool(event.main_id), filed=())
            return after, [placed(event, after, *each) for each in known.filed]
        case ContactFiled() if event.address_id:
            return file(known, event)
        case CaseClosed() if event.inform and known.party_id and not known.part and not known.closed_at:
            timer = TimerSet(at=event.at, about=event.subject, name=CASES, due=event.at + LATER)
            return known.but(closed_at=event.at), [timer]
        case CaseReopened():
            return known.but(closed_at=None), []
        case TimerElapsed() if known.closed_at and event.due == known.closed_at + LATER:
            return known, [of_case(known, event, known.closed_at)]
        case _:
            return known, []


def file(known: Matter, event: ContactFiled) -> tuple[Matter, list[Event]]:
    each = (event.contact_id, event.address_id)
    if known.party_id:
        return known, [placed(event, known, *each)]
    return known.but(filed=(*known.filed, each)[-FILED_MAX:]), []


def placed(event: CaseOpened | ContactFiled, known: Matter, contact_id: str, address_id: str) -> ContactPlaced:
    return ContactPlaced(
        at=event.at, contact_id=contact_id, address_id=address_id, case_id=event.case_id, kind=known.kind
    )


def of_case(known: Matter, event: TimerElapsed, closed_at: datetime) -> OpinionPrompted:
    return OpinionPrompted(
        at=event.at,
        opinion_id=derived(f"{event.about} opinion {closed_at.isoformat()}"),
        party_id=known.party_id,
        about=event.about,
        channel=CASE,
        kind=known.kind,
        happened_at=closed_at,
        until=event.due + FRESH,
    )


def serve(
    known: Visit, event: AppointmentBooked | AppointmentWalkedIn | AppointmentServed | TimerElapsed
) -> tuple[Visit, list[Event]]:
    match event:
        case AppointmentBooked():
            road = {"email": "email", "phone": "sms"}.get(event.kind, UNKNOWN)
            theirs = {"address": event.address, "address_id": event.address_id, "road": road}
            return known.but(party_id=surely(event.party_id), product=event.product, **theirs), []
        case AppointmentWalkedIn():
            return known.but(party_id=surely(event.party_id), product=event.product), []
        case AppointmentServed() if known.served_at is None:
            timer = TimerSet(at=event.at, about=event.subject, name=VISITS, due=event.at + WAIT)
            return known.but(served_at=event.at), [timer]
        case TimerElapsed() if known.served_at and (known.party_id or known.address_id):
            return known, [of_visit(known, event, known.served_at)]
        case _:
            return known, []


def surely(party_id: str) -> str:
    return "" if party_id.startswith(NOBODY_KNOWN) else party_id


def of_visit(known: Visit, event: TimerElapsed, served_at: datetime) -> OpinionPrompted:
    return OpinionPrompted(
        at=event.at,
        opinion_id=derived(f"{event.about} opinion"),
        party_id=known.party_id or f"{NOBODY_KNOWN}{known.address_id}",
        address_id=known.address_id,
        about=event.about,
        channel="counter",
        product=known.product,
        happened_at=served_at,
        until=event.due + FRESH,
        road=known.road,
        address=known.address,
    )


finished_cases = processor(CASES, finish)
finished_visits = processor(VISITS, serve)
