"""Telephone: calls by Twilio Voice, or by any exchange that signs small JSON messages. `docs/channels/phone.md`."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from channels import exchange, token, twilio_voice
from channels.channel import Heard, Inbound, Reply, Secrets, Told
from channels.signed import secret, trusted
from channels.telephony import Call, call, caller
from channels.twilio import BODY_BYTES_MAX, SILENCE, AuthTokens, Form, believed, checked, configured, query
from channels.twilio_voice import UNANSWERED, UNQUEUED, Target, closing, connect, target_of
from schemas.errors import Refused, Untrusted
from schemas.event import faults

NAME: Final = "phone"
OF_A_CALL: Final = "phone call"  # What a token in a leg's callback address is for.


class Inbox(BaseModel):
    """One of our telephone numbers: at Twilio, with `auth_tokens`, or on another exchange, with `signing_secrets`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    auth_tokens: AuthTokens = ()
    targets: Mapping[str, Target] = {}  # Where calls can go to, by names of our own: front, taxes.
    connect: str = ""  # The name of the target to which a new call goes first.
    ring_s_max: Annotated[int, Field(ge=5, le=600)] = 30  # How long it rings there.
    closing: str = ""  # What the caller hears when nobody answered.
    language: str = "nl-NL"  # In which that is spoken.
    signing_secrets: tuple[SecretStr, ...] = ()  # Of another exchange: whsec_ and base64.

    @model_validator(mode="after")
    def one_exchange(self) -> "Inbox":
        if bool(self.auth_tokens) == bool(self.signing_secrets):
            raise ValueError("an inbox has either auth_tokens (Twilio) or signing_secrets (another exchange)")
        if self.auth_tokens and self.connect not in self.targets:
            raise ValueError("connect names one of the targets")
        for key in self.signing_secrets:
            secret(key.get_secret_value())
        return self


class Phone:
    """The road of calls. Whoever calls is known by the number that the network shows; anybody can have that forged."""

    name = NAME
    body_bytes_max = BODY_BYTES_MAX

    def __init__(self, inboxes: Mapping[str, Inbox], secrets: Secrets, public_url: str) -> None:
        self.inboxes = inboxes
        self.secrets = secrets
        self.public_url = public_url.rstrip("/")

    def read(self, inbound: Inbound) -> Heard:
        if inbound.inbox not in self.inboxes:
            raise Untrusted("there is no telephone inbox of this name")
        inbox = self.inboxes[inbound.inbox]
        if inbox.signing_secrets:
            return self.by_exchange(inbox, inbound)
        url, step = configured(self.public_url, NAME, inbound)
        form = believed(inbox.auth_tokens, url, inbound)
        try:
            return self.by_twilio(inbox, inbound, step, form)
        except ValidationError as error:
            raise Refused(f"a parameter cannot be kept ({faults(error)})") from None

    def by_exchange(self, inbox: Inbox, inbound: Inbound) -> Heard:
        if inbound.method != "POST" or len(inbound.body) > BODY_BYTES_MAX:
            raise Untrusted(f"a call event comes with POST, in at most {BODY_BYTES_MAX} bytes")
        trusted([secret(key.get_secret_value()) for key in inbox.signing_secrets], inbound)
        return Heard(exchange.heard(inbound.body, inbound.inbox, self.secrets.pepper))

    def by_twilio(self, inbox: Inbox, inbound: Inbound, step: str, form: Form) -> Heard:
        asked, name, at = query(inbound), inbound.inbox, inbound.at
        if step == "leg":
            return Heard(twilio_voice.further_leg(self.whose(name, asked), asked, form, at), SILENCE)
        root = checked(form.first("CallSid"))
        outward = form.first("Direction").startswith("outbound")
        who = caller(form.first("To" if outward else "From"), root)
        this = call(name, root, who.pseudonym(self.secrets.pepper))
        facts: list[Told] = []
        reply = SILENCE
        match step:
            case "":
                said = twilio_voice.chosen(asked, form)
                facts = [twilio_voice.came_in(this, who, form, twilio_voice.when(form, at), said)]
                reply = self.going_on(inbox, this, inbound, inbox.connect, {})
            case "transfer":  # A colleague's telephone sent the call here, and says to which target, and who it was.
                since = {"to": asked.first("to"), "since": str(int(at.timestamp() * 1000)), "by": asked.first("agent")}
                reply = self.going_on(inbox, this, inbound, asked.first("to"), since)
            case "status" if form.first("ParentCallSid"):
                raise Refused("what becomes of a leg is told to the address that its TwiML named")
            case "status" if outward:
                agent = asked.first("agent") or form.first("From").removeprefix("client:")
                facts = twilio_voice.called_out(this, form, agent, at)
            case "status":
                facts = twilio_voice.over(this, who, form, at)
            case "bridged":
                facts = twilio_voice.taken_from_queue(this, asked, form, at)
            case "dialled" | "queued":
                reason = UNANSWERED.get(form.first("DialCallStatus")) or UNQUEUED.get(form.first("QueueResult"))
                reply = closing(inbox.closing if reason else "", inbox.language)
                if reason and "further" not in asked:  # Else somebody had answered before it was passed on.
                    facts = [twilio_voice.not_answered(this, reason, form, at)]
            case _:
                raise Refused("a telephone inbox has no such address")
        return Heard(facts, reply)

    def going_on(self, inbox: Inbox, this: Call, inbound: Inbound, to: str, marks: Mapping[str, str]) -> Reply:
        home = f"{self.public_url}/webhooks/{NAME}/{inbound.inbox}"
        mark = token.token(f"{OF_A_CALL} {inbound.inbox}", f"{this.root}.{this.address_id}", self.secrets.tokens)
        return connect(target_of(inbox.targets, to), home, {"call": mark, **marks}, inbox.ring_s_max)

    def whose(self, inbox: str, asked: Form) -> Call:
        """The call that a leg belongs to, by the token in the leg's own callback address."""
        name = token.named(f"{OF_A_CALL} {inbox}", asked.first("call"), self.secrets.tokens)
        if name is None:
            raise Refused("the callback address of a leg holds no token of ours")
        root, _, address_id = name.rpartition(".")
        return call(inbox, root, address_id)


def open_channel(inboxes: Mapping[str, Inbox], secrets: Secrets, public_url: str) -> Phone:
    return Phone(inboxes, secrets, public_url)
