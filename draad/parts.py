"""The parts that run over the log: every service's processors and projections."""

from typing import Final

from draad.site import Site
from engine.processor import Part
from services.access.tokens import tokens
from services.desk.addresses import addresses
from services.desk.appointments import appointments
from services.desk.entry import entry
from services.desk.filed import filed, threads, tied
from services.desk.identity import claims, decided, identifiers, merges, parties, reveals
from services.desk.looked import looked
from services.desk.tasks import tasks
from services.desk.work import work_list
from services.intake.conversation import conversation
from services.intake.lines import lines
from services.intake.outbox import outbox
from services.intake.place import mails, places
from services.intake.quarantine import quarantine
from services.intake.spent import spent
from services.klantinteracties.cards import cards
from services.metrics.appointments import appointments as appointments_counted
from services.metrics.cases import cases as cases_counted
from services.metrics.contacts import contacts as contacts_counted
from services.metrics.journeys import journeys as journeys_counted
from services.metrics.notifications import notifications as notifications_counted
from services.metrics.opinions import opinions as opinions_counted
from services.metrics.tasks import tasks as tasks_counted
from services.notify.appointments import appointments as appointments_told
from services.notify.cases import cases as cases_told
from services.notify.confirmation import confirmation
from services.notify.effect import effects
from services.notify.ended import ended
from services.notify.evidence import evidence
from services.notify.finished import finished_cases, finished_visits
from services.notify.language import languages
from services.notify.notification import notifications
from services.notify.opinion import opinions
from services.notify.owed import asked, owed
from services.notify.owners import owners
from services.notify.questions import questions
from services.notify.reach import reaching
from services.notify.receipts import receipts
from services.notify.reminded import reminded
from services.notify.shut import addresses_shut
from services.notify.suppression import suppression
from services.resident.hours import choice, free_hours
from services.resident.moves import moves
from services.resident.opinions import asked_opinions, counted
from services.status.attendance import attendance
from services.status.calls import calls
from services.status.deadlines import deadlines
from services.status.lanes import lanes
from services.status.overdue import overdue
from services.status.subscriptions import subscriptions
from services.status.tasks import late_tasks
from services.status.undelivered import undelivered
from services.status.waiting import waiting
from services.zaken.cases import cases as cases_followed
from services.zaken.seen import seen

PARTS: Final[tuple[Part, ...]] = (
    conversation,
    overdue,
    calls,
    late_tasks,
    deadlines,
    attendance,
    subscriptions,
    lanes,
    undelivered,
    waiting,
    entry,
    claims,
    decided,
    merges,
    reveals,
    parties,
    identifiers,
    filed,
    threads,
    tied,
    addresses,
    looked,
    tasks,
    work_list,
    appointments,
    outbox,
    spent,
    lines,
    places,
    mails,
    quarantine,
    tokens,
    cards,
    contacts_counted,
    cases_counted,
    tasks_counted,
    appointments_counted,
    notifications_counted,
    journeys_counted,
    opinions_counted,
)
# Only where DRAAD_SITE says in whose name residents are told.
NOTIFY: Final[tuple[Part, ...]] = (
    appointments_told,
    cases_told,
    confirmation,
    reaching,
    notifications,
    receipts,
    suppression,
    languages,
    addresses_shut,
    owed,
    asked,
    evidence,
    reminded,
    effects,
    choice,
    free_hours,
    moves,
)
# Only where it says that residents are asked what they think.
OPINION: Final[tuple[Part, ...]] = (
    owners,
    ended,
    finished_cases,
    finished_visits,
    opinions,
    questions,
    counted,
    asked_opinions,
)
# Only where it says which case system there is.
ZAKEN: Final[tuple[Part, ...]] = (cases_followed, seen)
EVERY: Final = (*PARTS, *NOTIFY, *OPINION, *ZAKEN)


def parts_of(site: Site) -> tuple[Part, ...]:
    """What runs there."""
    told, asked = NOTIFY if site.notify else (), OPINION if site.opinion else ()
    return (*PARTS, *told, *asked, *(ZAKEN if site.zaken else ()))
