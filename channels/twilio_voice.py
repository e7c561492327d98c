"""What Twilio Voice says about a call, in our words, and the TwiML by which the call goes on.

Callbacks come in any order, and twice. So nothing is remembered between them: which call a leg belongs to, and whose it
is, travels out in the leg's own callback address under a token of ours, and each fact is named after the leg and what
became of it. Twilio's `Timestamp` counts whole seconds; its `SequenceNumber` is added as milliseconds, so that what
happened to one leg within a second stays in order.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, model_validator
from twilio.twiml.voice_response import Dial, VoiceResponse

from channels.address import Address
from channels.channel import Reply, Told
from channels.telephony import Call, line, menu, named, word
from channels.twilio import Form, count
from schemas.contact import (
    ContactAnswered,
    ContactEnded,
    ContactMade,
    ContactMissed,
    ContactReceived,
    ContactTransferred,
)
from schemas.errors import Refused

FINAL: Final = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
UNANSWERED: Final[Mapping[str, str]] = {  # What Twilio says of a dial that nobody picked up, and what we say.
    "busy": "busy",
    "no-answer": "no-answer",
    "failed": "failed",
    "canceled": "abandoned",
}
UNQUEUED: Final[Mapping[str, str]] = {  # The same of a queue.
    "hangup": "abandoned",
    "leave": "abandoned",
    "redirected": "redirected",
    "queue-full": "busy",
    "system-error": "failed",
    "error": "failed",
}
STAGES: Final = "initiated ringing answered completed"
SEQUENCE_DIGITS_MAX: Final = 3
SECONDS_DIGITS_MAX: Final = 6
MILLISECONDS_DIGITS: Final = 13  # Until the year 2286.


class Target(BaseModel):
    """Where a call can go to: one of client, number, sip and queue."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    client: str = ""  # The identity of a colleague in Twilio's own telephone on a page.
    number: str = ""  # A telephone number, such as +31201234567.
    sip: str = ""  # An address of a telephone exchange, such as sip:desk@exchange.example.
    queue: str = ""  # The name of a queue at Twilio, from which colleagues take calls.
    agent: str = ""  # Who answers there, where it is always the same colleague.

    @model_validator(mode="after")
    def one_place(self) -> "Target":
        if sum(map(bool, (self.client, self.number, self.sip, self.queue))) != 1:
            raise ValueError("a target is one of client, number, sip and queue")
        return self


def when(form: Form, otherwise: datetime) -> datetime:
    """When Twilio says that it happened, in the order in which it happened."""
    try:
        moment = parsedate_to_datetime(form.first("Timestamp"))
    except (ValueError, TypeError, OverflowError):
        return otherwise
    steps = count(form.first("SequenceNumber"), SEQUENCE_DIGITS_MAX)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) + timedelta(milliseconds=steps)


def came_in(call: Call, who: Address, form: Form, at: datetime, said: str = "") -> Told:
    """It rings. The call's end tells the same fact again: should the first have got lost, the contact has not."""
    event = ContactReceived(
        at=at,
        contact_id=call.contact_id,
        address_id=call.address_id,
        channel="phone",
        kind=who.kind,
        address="" if who.kind == "withheld" else line(who.value),
        profile=line(form.first("CallerName")),
        inbox=call.inbox,
        text=said,
        reference=call.root,
    )
    return Told(event, call.root)


def chosen(asked: Form, form: Form) -> str:
    """What a menu of yours asked and heard before it sent the call here: `choice`, what was said, and keys pressed."""
    said = [*asked.get("choice", ()), form.first("SpeechResult"), form.first("Digits")]
    return menu(said)


def over(call: Call, who: Address, form: Form, at: datetime) -> list[Told]:
    """What a status of the resident's own leg comes to: nothing, or that the call is over."""
    status, at = form.first("CallStatus"), when(form, at)
    if status not in FINAL:
        return []
    lasted = timedelta(seconds=count(form.first("CallDuration"), SECONDS_DIGITS_MAX))
    ended = ContactEnded(at=at, contact_id=call.contact_id, address_id=call.address_id, reason=word(status))
    return [came_in(call, who, form, at - lasted), Told(ended, call.root)]


def called_out(call: Call, form: Form, agent: str, at: datetime) -> list[Told]:
    """What a status of a call that we made comes to: whether anybody was there, and that it is over."""
    status, at = form.first("CallStatus"), when(form, at)
    told: list[Told] = []
    if status == "in-progress" or status in UNANSWERED:
        made = ContactMade(
            at=at,
            contact_id=call.contact_id,
            address_id=call.address_id,
            agent_id=named(agent or "unknown"),
            channel="phone",
            reached=status == "in-progress",
        )
        told.append(Told(made, call.root))
    if status in FINAL:
        ended = ContactEnded(at=at, contact_id=call.contact_id, address_id=call.address_id, reason=word(status))
        told.append(Told(ended, call.root))
    return told


def further_leg(call: Call, asked: Form, form: Form, at: datetime) -> list[Told]:
    """What a status of a colleague's leg comes to. `asked` is what we wrote into its callback address."""
    leg, status, at = form.first("CallSid"), form.first("CallStatus"), when(form, at)
    told: list[Told] = []
    if to := asked.first("to"):
        told.append(passed_on(call, leg, to, asked, at))
    if status == "in-progress":
        answered = ContactAnswered(
            at=at,
            contact_id=call.contact_id,
            address_id=call.address_id,
            agent_id=agent_of(asked, form),
            leg_id=named(leg),
            channel="phone",
        )
        told.append(Told(answered, leg))
    if status in FINAL:
        ended = ContactEnded(
            at=at, contact_id=call.contact_id, address_id=call.address_id, reason=word(status), leg_id=named(leg)
        )
        told.append(Told(ended, leg))
    return told


def passed_on(call: Call, leg: str, to: str, asked: Form, at: datetime) -> Told:
    """Each status of the new leg tells it, with the moment when the call was passed on, so that all say the same."""
    since = count(asked.first("since"), MILLISECONDS_DIGITS)
    at = datetime.fromtimestamp(since / 1000, UTC) if since else at
    agent = asked.first("by")
    event = ContactTransferred(
        at=at,
        contact_id=call.contact_id,
        address_id=call.address_id,
        leg_id=named(leg),
        to=named(to),
        agent_id=named(agent) if agent else "",
    )
    return Told(event, leg)


def agent_of(asked: Form, form: Form) -> str:
    """Who answered: as we wrote it into the address, or the identity that Twilio called."""
    identity = form.first("To").removeprefix("client:") if form.first("To").startswith("client:") else ""
    return named(asked.first("agent") or identity or "unknown")


def taken_from_queue(call: Call, asked: Form, form: Form, at: datetime) -> list[Told]:
    """A colleague's own call took it from the queue. Twilio's word for that call is spelled so."""
    leg = form.first("DequeingCallSid")
    if not leg:
        return []
    answered = ContactAnswered(
        at=at,
        contact_id=call.contact_id,
        address_id=call.address_id,
        agent_id=agent_of(asked, form),
        leg_id=named(leg),
        channel="phone",
    )
    return [Told(answered, leg)]


def not_answered(call: Call, reason: str, form: Form, at: datetime) -> Told:
    """Nobody picked up: so the dial or the queue says, or the caller was gone by then."""
    gone = form.first("CallStatus") in FINAL
    event = ContactMissed(
        at=at, contact_id=call.contact_id, address_id=call.address_id, reason="abandoned" if gone else reason
    )
    return Told(event, call.root)


def connect(target: Target, home: str, marks: Mapping[str, str], ring_s_max: int) -> Reply:
    """TwiML that lets the call go on to the target, and asks to be told about that leg."""
    response = VoiceResponse()
    further = {"further": "1"} if "to" in marks else {}
    if target.queue:
        response.enqueue(target.queue, action=address(home, "queued", further), method="POST")
        return twiml(response)
    if target.agent:
        marks = {**marks, "agent": target.agent}
    told = {
        "status_callback": address(home, "leg", marks),
        "status_callback_event": STAGES,
        "status_callback_method": "POST",
    }
    dial = Dial(action=address(home, "dialled", further), method="POST", timeout=ring_s_max, answer_on_bridge=True)
    if target.client:
        dial.client(target.client, **told)
    elif target.sip:
        dial.sip(target.sip, **told)
    else:
        dial.number(target.number, **told)
    response.append(dial)
    return twiml(response)


def closing(sentence: str, language: str) -> Reply:
    """TwiML that says one sentence, if there is one, and hangs up."""
    response = VoiceResponse()
    if sentence:
        response.say(sentence, language=language)
    response.hangup()
    return twiml(response)


def twiml(response: VoiceResponse) -> Reply:
    return Reply(body=str(response), media_type="text/xml")


def address(home: str, step: str, marks: Mapping[str, str]) -> str:
    return f"{home}/{step}?{urlencode(marks)}" if marks else f"{home}/{step}"


def target_of(targets: Mapping[str, Target], name: str) -> Target:
    if name not in targets:
        raise Refused("there is no target of this name to pass a call on to")
    return targets[name]
