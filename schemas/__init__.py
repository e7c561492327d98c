"""The contract: every event there is, and how to read one that somebody else wrote. Data only, no behaviour.

Begin with `event.py`; then each noun has its own file. `make schemas` writes what is generated from them.
"""

from schemas.address import AddressRevealed
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCalled,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentNoShow,
    AppointmentServed,
    AppointmentWalkedIn,
)
from schemas.card import CardRemoved, CardWritten
from schemas.case import CaseAssigned, CaseClosed, CaseDueSet, CaseOpened, CaseOverdue, CaseReopened, CaseStatusChanged
from schemas.catalogue import CATALOGUE
from schemas.contact import (
    ContactAnswered,
    ContactAttached,
    ContactAttachmentAwaited,
    ContactEnded,
    ContactFiled,
    ContactIdentified,
    ContactMade,
    ContactMissed,
    ContactNoted,
    ContactOverdue,
    ContactReceived,
    ContactTransferred,
    ContactUnfiled,
    ContactUnidentified,
)
from schemas.conversation import (
    ConversationClosed,
    ConversationContinued,
    ConversationOpened,
    ConversationReopened,
    ConversationTaken,
)
from schemas.event import Envelope, Event
from schemas.journey import JourneyStepped
from schemas.mailbox import MailboxRead
from schemas.message import (
    MessageBounced,
    MessageDelivered,
    MessageFailed,
    MessagePostponed,
    MessageRead,
    MessageRequested,
    MessageSent,
    MessageUnknown,
)
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
    PartyIdentifierSet,
    PartyIdentifierUnset,
    PartyMerged,
    PartyPreferenceSet,
    PartyRegistered,
    PartyUnmerged,
)
from schemas.quarantine import QuarantineDiscarded, QuarantineEntered, QuarantineMended
from schemas.reading import read
from schemas.record import RecordOpened
from schemas.task import TaskAssigned, TaskDone, TaskDueSet, TaskOpened, TaskOverdue, TaskReopened, TaskTried
from schemas.timer import TimerCleared, TimerElapsed, TimerSet
from schemas.token import TokenIssued, TokenRefused, TokenRevoked, TokenUsed

__all__ = [
    "CATALOGUE",
    "AddressRevealed",
    "AppointmentArrived",
    "AppointmentBooked",
    "AppointmentCalled",
    "AppointmentCancelled",
    "AppointmentChanged",
    "AppointmentNoShow",
    "AppointmentServed",
    "AppointmentWalkedIn",
    "CardRemoved",
    "CardWritten",
    "CaseAssigned",
    "CaseClosed",
    "CaseDueSet",
    "CaseOpened",
    "CaseOverdue",
    "CaseReopened",
    "CaseStatusChanged",
    "ContactAnswered",
    "ContactAttached",
    "ContactAttachmentAwaited",
    "ContactEnded",
    "ContactFiled",
    "ContactIdentified",
    "ContactMade",
    "ContactMissed",
    "ContactNoted",
    "ContactOverdue",
    "ContactReceived",
    "ContactTransferred",
    "ContactUnfiled",
    "ContactUnidentified",
    "ConversationClosed",
    "ConversationContinued",
    "ConversationOpened",
    "ConversationReopened",
    "ConversationTaken",
    "Envelope",
    "Event",
    "JourneyStepped",
    "MailboxRead",
    "MessageBounced",
    "MessageDelivered",
    "MessageFailed",
    "MessagePostponed",
    "MessageRead",
    "MessageRequested",
    "MessageSent",
    "MessageUnknown",
    "NotificationBounced",
    "NotificationDelivered",
    "NotificationFailed",
    "NotificationRequested",
    "NotificationSent",
    "NotificationUnknown",
    "PartyAddressLinked",
    "PartyAddressUnlinked",
    "PartyIdentifierSet",
    "PartyIdentifierUnset",
    "PartyMerged",
    "PartyPreferenceSet",
    "PartyRegistered",
    "PartyUnmerged",
    "QuarantineDiscarded",
    "QuarantineEntered",
    "QuarantineMended",
    "RecordOpened",
    "TaskAssigned",
    "TaskDone",
    "TaskDueSet",
    "TaskOpened",
    "TaskOverdue",
    "TaskReopened",
    "TaskTried",
    "TimerCleared",
    "TimerElapsed",
    "TimerSet",
    "TokenIssued",
    "TokenRefused",
    "TokenRevoked",
    "TokenUsed",
    "read",
]
