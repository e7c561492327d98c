"""Every event there is, by its type."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schemas import appointment, case, contact, notification, party, timer
from schemas.event import Event

EVENTS: Final[tuple[type[Event], ...]] = (
    contact.ContactReceived,
    contact.ContactAnswered,
    contact.ContactMissed,
    contact.ContactOverdue,
    contact.ContactIdentified,
    contact.ContactFiled,
    party.PartyRegistered,
    party.PartyAddressLinked,
    party.PartyAddressUnlinked,
    party.PartyMerged,
    party.PartyUnmerged,
    party.PartyPreferenceSet,
    case.CaseOpened,
    case.CaseAssigned,
    case.CaseStatusChanged,
    case.CaseDueSet,
    case.CaseOverdue,
    case.CaseClosed,
    case.CaseReopened,
    appointment.AppointmentBooked,
    appointment.AppointmentChanged,
    appointment.AppointmentCancelled,
    appointment.AppointmentArrived,
    appointment.AppointmentServed,
    appointment.AppointmentNoShow,
    notification.NotificationRequested,
    notification.NotificationSent,
    notification.NotificationDelivered,
    notification.NotificationBounced,
    notification.NotificationFailed,
    notification.NotificationUnknown,
    timer.TimerSet,
    timer.TimerCleared,
    timer.TimerElapsed,
)

CATALOGUE: Final[Mapping[str, type[Event]]] = MappingProxyType({event.type: event for event in EVENTS})
