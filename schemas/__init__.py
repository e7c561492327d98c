"""The contract: every event there is, and how to read one that somebody else wrote. Data only, no behaviour.

Begin with `event.py`; then each noun has its own file. `make schemas` writes what is generated from them.
"""

from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentNoShow,
    AppointmentServed,
)
from schemas.case import (
    CaseAssigned,
    CaseClosed,
    CaseDueSet,
    CaseOpened,
    CaseOverdue,
    CaseReopened,
    CaseStatusChanged,
)
from schemas.catalogue import CATALOGUE
from schemas.contact import (
    ContactAnswered,
    ContactFiled,
    ContactIdentified,
    ContactMissed,
    ContactOverdue,
    ContactReceived,
)
from schemas.event import Envelope, Event
from schemas.notification import (
    NotificationBounced,
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    NotificationUnknown,
)
from schemas.party import (
    PartyAddressLinked,
    PartyAddressUnlinked,
    PartyMerged,
    PartyPreferenceSet,
    PartyRegistered,
    PartyUnmerged,
)
from schemas.reading import read
from schemas.timer import TimerCleared, TimerElapsed, TimerSet

__all__ = [
    "CATALOGUE",
    "AppointmentArrived",
    "AppointmentBooked",
    "AppointmentCancelled",
    "AppointmentChanged",
    "AppointmentNoShow",
    "AppointmentServed",
    "CaseAssigned",
    "CaseClosed",
    "CaseDueSet",
    "CaseOpened",
    "CaseOverdue",
    "CaseReopened",
    "CaseStatusChanged",
    "ContactAnswered",
    "ContactFiled",
    "ContactIdentified",
    "ContactMissed",
    "ContactOverdue",
    "ContactReceived",
    "Envelope",
    "Event",
    "NotificationBounced",
    "NotificationDelivered",
    "NotificationFailed",
    "NotificationRequested",
    "NotificationSent",
    "NotificationUnknown",
    "PartyAddressLinked",
    "PartyAddressUnlinked",
    "PartyMerged",
    "PartyPreferenceSet",
    "PartyRegistered",
    "PartyUnmerged",
    "TimerCleared",
    "TimerElapsed",
    "TimerSet",
    "read",
]
