"""What an agent or a program may do with contacts, parties, cases and tasks, as bodies that are posted."""

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from schemas.contact import Certainty
from schemas.event import About, Line, NoLine, Text, Word, Yes
from schemas.task import OwnerKind
from services.intake.body import Address, Posted, Pseudonym

PROGRAM: Final = "program"  # Who acts, if nobody says.


class Act(Posted):
    """What all acts share: who did it, and when, if not now."""

    agent_id: Pseudonym = PROGRAM
    at: AwareDatetime | None = None


class OnContact(Act):
    """It is about a contact of this address."""

    address_id: Pseudonym


class NewParty(Act):
    """Somebody we know by this name."""

    kind: Literal["person", "organisation"] = "person"
    name: Line


class NewLink(Act):
    """Where a party can be reached."""

    address: Address
    channel: Word = "unknown"
    certainty: Certainty = "certain"


class NewIdentifier(Act):
    """A register's number of a party. It is kept as a keyed hash only, and comes back nowhere."""

    scheme: Word
    value: Annotated[Line, Field(examples=["123456782"])]


class Other(Act):
    """The other party."""

    party_id: Pseudonym


class Preference(Act):
    """How a party likes to hear from us: of all, or with `kind` of that kind of message only."""

    channel: Word
    language: Word = "nl"
    kind: Word | None = None


class NewMade(Act):
    """We called or wrote first."""

    address: Address
    channel: Word
    reached: Yes = True
    text: Text = ""


class Note(OnContact):
    """What it was about, and what came of it."""

    text: Text = ""
    result: Word = "unknown"
    product: Word = "unknown"


class Given(OnContact):
    """Whose contact it is, or is not."""

    party_id: Pseudonym
    certainty: Certainty = "certain"
    how: Word = "agent"


class Filing(OnContact):
    """Under which case it belongs, or does not."""

    case_id: Pseudonym
    certainty: Certainty = "certain"


class Thing(OnContact):
    """The tree, street or building that it is about, or is not, as it is called."""

    kind: Word
    title: Line


class End(OnContact):
    """It is over."""

    reason: Word = "completed"


class Wait(Act):
    """Something is waited for."""

    reason: Word = "unknown"


class Transfer(OnContact):
    """It rings at somebody else now."""

    leg_id: Pseudonym
    to: Pseudonym


class Take(OnContact):
    """Somebody is at it, or lets go of it."""

    let_go: Yes = False


class NewCase(Act):
    """A matter begins, perhaps with a contact."""

    party_id: Pseudonym
    kind: Word
    title: Line
    contact_id: Pseudonym | None = None
    address_id: Pseudonym | None = None
    due: AwareDatetime | None = None
    main_id: Pseudonym | None = None


class Status(Act):
    """Where a case stands."""

    status: Word


class Outcome(Act):
    """How a case ended."""

    outcome: Word


class Due(Act):
    """By when."""

    due: AwareDatetime


class NewTask(Act):
    """Somebody is to do this by then."""

    kind: Word = "call-back"
    owner_kind: OwnerKind
    owner: Pseudonym
    due: AwareDatetime
    about: About = ""
    contact_id: Pseudonym | None = None
    title: NoLine = ""
    text: Text = ""
    address: Address | None = None


class Owner(Act):
    """Whose a task is from now on."""

    owner_kind: OwnerKind
    owner: Pseudonym
    text: Text = ""


class Try(Act):
    """Somebody tried."""

    reached: Yes
    text: Text = ""


class Done(Act):
    """What came of it."""

    result: Word = "done"
    text: Text = ""
