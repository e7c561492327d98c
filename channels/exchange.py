"""Calls from any telephone exchange that can sign a small JSON message: ringing, answered, transferred, missed, ended.

Each message says by itself whose call it is, so that they may come in any order, and twice. `docs/channels/phone.md`
shows them.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from channels.address import Address
from channels.channel import Told
from channels.telephony import CHOICES_MAX, Call, call, caller, line, menu, named, word
from schemas.contact import ContactAnswered, ContactEnded, ContactMissed, ContactReceived, ContactTransferred
from schemas.errors import Refused
from schemas.event import Event, faults

Name = Annotated[str, StringConstraints(pattern=r"^[!-~]*$", max_length=120)]
Choice = Annotated[str, StringConstraints(max_length=200)]


class CallEvent(BaseModel):
    """One message of the exchange."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    type: Literal["ringing", "answered", "transferred", "missed", "ended"]
    call_id: Annotated[Name, StringConstraints(min_length=1)]  # The same for every leg of the call.
    at: AwareDatetime
    caller: Annotated[str, StringConstraints(max_length=200)] = Field(alias="from")  # Empty where it is withheld.
    leg_id: Name = ""  # A colleague's leg: of answered and transferred, and of ended where only that leg is over.
    to: Name = ""  # The group, department or extension that it was passed on to.
    agent: Name = ""
    reason: str = ""
    choices: Annotated[tuple[Choice, ...], Field(max_length=CHOICES_MAX)] = ()  # What the menu asked and heard.


def heard(body: bytes, inbox: str, pepper: bytes) -> list[Told]:
    """What the message says, in our words. Raises `Refused`."""
    try:
        said = CallEvent.model_validate_json(body)
        who = caller(said.caller, said.call_id)
        event = fact(said, call(inbox, said.call_id, who.pseudonym(pepper)), who)
    except ValidationError as error:
        raise Refused(f"the call event has a wrong field ({faults(error)})") from None
    return [Told(event, f"{said.call_id} {said.leg_id}")]


def fact(said: CallEvent, of: Call, who: Address) -> Event:
    leg = named(said.leg_id) if said.leg_id else ""
    agent = named(said.agent) if said.agent else ""
    at, contact, address = said.at, of.contact_id, of.address_id
    match said.type:
        case "ringing":
            return ContactReceived(
                at=at,
                contact_id=contact,
                address_id=address,
                channel="phone",
                kind=who.kind,
                address="" if who.kind == "withheld" else line(who.value),
                inbox=of.inbox,
                text=menu(said.choices),
                reference=said.call_id,
            )
        case "answered":
            return ContactAnswered(
                at=at, contact_id=contact, address_id=address, agent_id=agent or "unknown", leg_id=leg, channel="phone"
            )
        case "transferred" if leg and said.to:
            return ContactTransferred(
                at=at, contact_id=contact, address_id=address, leg_id=leg, to=named(said.to), agent_id=agent
            )
        case "transferred":
            raise Refused("a transferred call says its leg_id and to")
        case "missed":
            return ContactMissed(at=at, contact_id=contact, address_id=address, reason=word(said.reason, "abandoned"))
        case "ended":
            reason = word(said.reason, "completed")
            return ContactEnded(at=at, contact_id=contact, address_id=address, reason=reason, leg_id=leg)
