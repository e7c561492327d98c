"""A strict Twilio that reaches nobody: its REST API for messages, callbacks that its own library signs, and bad days.

It refuses what the real one refuses, with its codes, and also what the real one lets pass: an unknown parameter is a
mistake of ours. `faults` says what becomes of the next requests, one each.
"""

import asyncio
import base64
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import permutations
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import phonenumbers
import uvicorn
from starlette.types import ASGIApp
from twilio.request_validator import RequestValidator

from channels.channel import Inbound
from channels.twilio import form

ACCOUNT: Final = "AC" + "0123456789abcdef" * 2
TOKEN: Final = "an-auth-token-of-these-tests"
OURS: Final = "+3197010240000"
PUBLIC: Final = "https://contact.example.nl"
ARRIVAL: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KNOWN: Final = frozenset({"To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod"})
ASKED: Final = frozenset({"To", "From", "DateSent", "DateSent>", "DateSent<", "PageSize"})

Params = Sequence[tuple[str, str]]


class Callback(NamedTuple):
    """What Twilio posts: where to, and what."""

    url: str
    params: Params


def signed(url: str, params: Params, token: str = TOKEN) -> str:
    """By Twilio's own library."""
    signature: str = RequestValidator(token).compute_signature(url, form(params))
    return signature


def inbound(
    callback: Callback, at: datetime = ARRIVAL, *, token: str = TOKEN, as_signed: str = "", inbox: str = "main"
) -> Inbound:
    """The request as it reaches us. `as_signed` is the address that Twilio signed, where that is spelled otherwise."""
    body = urlencode(callback.params, quote_via=quote_plus).encode()
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "i-twilio-idempotency-token": "5f2c4a9e-1c1c-4f3e-9a53-0b7c3d2e1f00",
        "user-agent": "TwilioProxy/1.1",
        "x-twilio-signature": signed(as_signed or callback.url, callback.params, token),
    }
    return Inbound(inbox=inbox, url=callback.url, headers=headers, body=body, at=at)


def signed_body(url: str, body: bytes) -> dict[str, str]:
    """The headers with which Twilio posts this body: what is no form, it signs as it looks."""
    pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    return {
        "x-twilio-signature": signed(url, pairs),
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
    }


def as_json(url: str, body: bytes, token: str = TOKEN) -> Inbound:
    """A JSON callback: its hash stands in the address, and only the address is signed."""
    validator = RequestValidator(token)
    joined = f"{url}{'&' if '?' in url else '?'}bodySHA256={validator.compute_hash(body.decode())}"
    headers = {"content-type": "application/json", "x-twilio-signature": validator.compute_signature(joined, {})}
    return Inbound(inbox="main", url=joined, headers=headers, body=body, at=ARRIVAL)


def schedules(callbacks: Sequence[Callback]) -> Iterator[list[tuple[Callback, datetime]]]:
    """The same callbacks on bad days: in every order, in parallel twice, and once more after 3 s and after 6 days."""
    for order in permutations(callbacks):
        yield [(callback, ARRIVAL) for callback in order]
    once = [(callback, ARRIVAL) for callback in callbacks]
    yield [each for each in once for _ in range(2)]
    for later in (timedelta(seconds=3), timedelta(days=6)):
        yield [*once, *((callback, ARRIVAL + later) for callback in callbacks)]


class Voice:
    """One call to our number, and what Twilio posts about it."""

    def __init__(
        self, caller: str = "+31612345678", sid: str = "CA" + "a" * 32, home: str = "", at: datetime = ARRIVAL
    ) -> None:
        self.sid, self.caller, self.at = sid, caller, at
        self.home = home or f"{PUBLIC}/webhooks/phone/main"

    def own(self, status: str, **more: str) -> Params:
        """The parameters of the caller's own leg."""
        given = {
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "CallSid": self.sid,
            "CallStatus": status,
            "Called": "+31201234567",
            "CalledCountry": "NL",
            "CalledCity": "",
            "Caller": self.caller,
            "CallerCountry": "NL",
            "CallerCity": "",
            "Direction": "inbound",
            "From": self.caller,
            "FromCountry": "NL",
            "FromState": "",
            "To": "+31201234567",
            "ToCountry": "NL",
        }
        return list((given | more).items())

    def rings(self) -> Callback:
        return Callback(self.home, self.own("ringing", CallToken="%7B%22parentCallInfoToken%22%3A%22x%22%7D"))

    def ends(self, status: str = "completed", lasted: int = 95) -> Callback:
        at = stamp(self.at + timedelta(seconds=lasted))
        more = {"CallDuration": str(lasted), "Duration": "2", "CallbackSource": "call-progress-events"}
        return Callback(f"{self.home}/status", self.own(status, Timestamp=at, SequenceNumber="0", **more))

    def dialled(self, url: str, status: str, own: str = "in-progress") -> Callback:
        return Callback(url, self.own(own, DialCallStatus=status, DialCallSid="CA" + "b" * 32, DialBridged="false"))

    def leg(self, url: str, status: str, nth: int, sid: str = "CA" + "b" * 32, to: str = "client:anna") -> Callback:
        """A status of the leg that our TwiML asked for, posted to the address that it named."""
        at = stamp(self.at + timedelta(seconds=nth // 2))  # Two of them share a second.
        more = {"CallSid": sid, "ParentCallSid": self.sid, "Direction": "outbound-dial", "To": to, "Called": to}
        late = {"Timestamp": at, "SequenceNumber": str(nth), "CallbackSource": "call-progress-events"}
        return Callback(url, self.own(status, **more, **late))


def stamp(at: datetime) -> str:
    return format_datetime(at)  # Mon, 23 Nov 2026 09:00:00 +0000


class Refusal(NamedTuple):
    """An error as Twilio words it. The real sentence quotes the number, and so does this one."""

    status: int
    code: int
    message: str


class Twilio:
    """The account, and what came to it."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.callbacks: dict[str, str] = {}
        self.validity: dict[str, int] = {}  # Seconds after which it delivers no more.
        self.faults: deque[str] = deque()
        self.opted_out: set[str] = set()
        self.lists_late = 0  # How many lists still lack what was taken.
        self.asked = 0
        self.media: dict[str, bytes] = {}
        self.elsewhere = ""  # Where a picture lies, if that is another host.
        self.keys_seen: list[str] = []
        self.posted: list[Callback] = []  # Before it answered.
        self.heard: Callable[[Mapping[str, Any]], None] | None = None  # Is told of each message that it took.

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message.get("more_body"):
                break
        fault = self.faults.popleft() if self.faults else ""
        if not fault.endswith("after-accept") and fault not in {"", "accept-twice", "callback-first"}:
            return await self._break(fault, receive, send)
        if "/Media/" in scope["path"] or scope["path"].startswith("/cdn/"):
            return await self._give(scope, send)
        status, answer = self._met(scope, body)
        if status == 201 and fault == "accept-twice":
            self._met(scope, body)
        if status == 201 and fault == "callback-first":
            self.posted += self.receipts(answer["sid"], "sent")
        if fault.endswith("after-accept"):
            return await self._break(fault.removesuffix("-after-accept"), receive, send)
        await answered(send, status, json.dumps(answer).encode())
        return None

    async def _break(self, fault: str, receive: Any, send: Any) -> None:
        if fault == "silence":
            while (await receive())["type"] != "http.disconnect":
                pass
        elif fault == "cut":
            await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"500")]})
            await send({"type": "http.response.body", "body": b'{"sid": ', "more_body": True})
            raise ConnectionError("cut off on purpose")
        elif fault == "garbage":
            await answered(send, 201, b"<html>\xff")
        else:
            status = int(fault)
            code = {429: 20429, 500: 20500, 503: 20503}.get(status, status * 100)
            await answered(send, status, json.dumps({"code": code, "message": "fault", "status": status}).encode())

    async def _give(self, scope: Any, send: Any) -> None:
        """A picture, from here or from wherever it lies."""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.keys_seen.append(headers.get("authorization", ""))
        name = scope["path"].rpartition("/")[2]
        if self.elsewhere and not scope["path"].startswith("/cdn/"):
            place = f"{self.elsewhere}/cdn/{name}".encode()
            await send({"type": "http.response.start", "status": 307, "headers": [(b"location", place)]})
            await send({"type": "http.response.body", "body": b""})
        elif name in self.media:
            await answered(send, 200, self.media[name])
        else:
            await answered(send, 404, b'{"code": 20404, "message": "not found", "status": 404}')

    def _met(self, scope: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            return self._served(scope, body)
        except LookupError as error:
            refused: Refusal = error.args[0]
            more = f"https://www.twilio.com/docs/errors/{refused.code}"
            said = {"code": refused.code, "message": refused.message, "more_info": more, "status": refused.status}
            return refused.status, said

    def _served(self, scope: Any, body: bytes) -> tuple[int, dict[str, Any]]:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        key = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if headers.get("authorization") != f"Basic {key}":
            raise LookupError(Refusal(401, 20003, "Authenticate"))
        home = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"
        path, method = scope["path"], scope["method"]
        if (path, method) == (f"{home}.json", "POST"):
            if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
                raise LookupError(Refusal(400, 20001, "the body is a form"))
            return 201, self._create(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        if (path, method) == (f"{home}.json", "GET"):
            return 200, self._list(dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)))
        sid = path.removeprefix(f"{home}/").removesuffix(".json")
        found = next((message for message in self.messages if message["sid"] == sid), None)
        if method != "GET" or found is None:
            raise LookupError(Refusal(404, 20404, f"The requested resource {path} was not found"))
        return 200, found

    def _create(self, given: Mapping[str, str]) -> dict[str, Any]:
        if refused := next(self._wrong(given), None):
            raise LookupError(refused)
        number = len(self.messages)
        message: dict[str, Any] = {
            "account_sid": ACCOUNT,
            "api_version": "2010-04-01",
            "body": given["Body"].strip(),
            "date_created": stamp(datetime.now(UTC) + timedelta(seconds=number)),
            "date_sent": None,
            "direction": "outbound-api",
            "error_code": None,
            "from": given.get("From"),
            "messaging_service_sid": given.get("MessagingServiceSid"),
            "num_segments": "1",
            "sid": f"SM{number:032x}",
            "status": "queued",
            "to": given["To"],
        }
        self.messages.insert(0, message)
        self.callbacks[message["sid"]] = given.get("StatusCallback", "")
        self.validity[message["sid"]] = int(given.get("ValidityPeriod", "36000"))
        if self.heard:
            self.heard(message)
        return message

    def _wrong(self, given: Mapping[str, str]) -> Iterator[Refusal]:
        """Each thing that is wrong with it, in the order in which Twilio looks."""
        to, origin, body = given.get("To", ""), given.get("From", ""), given.get("Body", "")
        back, valid = urlsplit(given.get("StatusCallback", "https:")).scheme, given.get("ValidityPeriod", "1")
        unknown = sorted(given.keys() - KNOWN)
        wrongs = (
            (bool(unknown), 20001, f"Unknown parameters: {unknown}"),
            (not to, 21604, "A 'To' phone number is required."),
            (bool(origin) == bool(given.get("MessagingServiceSid")), 21603, "A 'From' phone number is required."),
            (origin not in {"", OURS}, 21606, f"The 'From' phone number {origin} is not yours."),
            (not body.strip(), 21602, "Message body is required."),
            (len(body) > 1_600, 21617, "The concatenated message body exceeds the 1600 character limit"),
            (not is_number(to), 21211, f"Invalid 'To' Phone Number: {to}"),
            (is_landline(to), 21614, f"'To' number is not a valid mobile number: {to}"),
            (to in self.opted_out, 21610, f"Attempt to send to unsubscribed recipient {to}"),
            (back not in {"http", "https"}, 21609, "The StatusCallback URL is not a valid URL."),
            (not (valid.isdigit() and 1 <= int(valid) <= 36_000), 20001, "ValidityPeriod is out of range"),
        )
        yield from (Refusal(400, code, message) for wrong, code, message in wrongs if wrong)

    def _list(self, given: Mapping[str, str]) -> dict[str, Any]:
        if unknown := given.keys() - ASKED:
            raise LookupError(Refusal(400, 20001, f"Unknown parameters: {sorted(unknown)}"))
        size = int(given.get("PageSize", "50"))
        if not 1 <= size <= 1_000:
            raise LookupError(Refusal(400, 20007, "Page size is out of range"))
        if self.lists_late:
            self.lists_late -= 1
            return {"messages": [], "page_size": size}
        fitting = [
            m for m in self.messages if all(m[name.lower()] == given[name] for name in given.keys() & {"To", "From"})
        ]
        return {"messages": fitting[:size], "page_size": size}

    def receipts(self, sid: str, *statuses: str, code: str = "") -> list[Callback]:
        message = next(message for message in self.messages if message["sid"] == sid)
        return [Callback(self.callbacks[sid], receipt(message, status, code)) for status in statuses]


def receipt(message: Mapping[str, Any], status: str, code: str) -> Params:
    given = {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "From": message["from"] or OURS,
        "MessageSid": message["sid"],
        "MessageStatus": status,
        "RawDlrDoneDate": "2611230901",
        "SmsSid": message["sid"],
        "SmsStatus": status,
        "To": message["to"],
    }
    return list((given | ({"ErrorCode": code} if code else {})).items())


def texted(body: str, sender: str = "+31612345678", sid: str = "SM" + "c" * 32, **more: str) -> Callback:
    """An SMS to our number."""
    given = {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "Body": body,
        "From": sender,
        "FromCity": "",
        "FromCountry": "NL",
        "MessageSid": sid,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "SmsStatus": "received",
        "To": OURS,
        "ToCountry": "NL",
    }
    return Callback(f"{PUBLIC}/webhooks/sms/main", list((given | more).items()))


def with_more(callback: Callback, more: Iterable[tuple[str, str]]) -> Callback:
    return callback._replace(params=[*callback.params, *more])


def is_number(text: str) -> bool:
    try:
        return text.startswith("+") and phonenumbers.is_possible_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False


def is_landline(text: str) -> bool:
    fixed = phonenumbers.PhoneNumberType.FIXED_LINE
    return is_number(text) and phonenumbers.number_type(phonenumbers.parse(text)) == fixed


async def answered(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(twilio: ASGIApp) -> AsyncIterator[str]:
    """Its address on this machine. The socket listens before the server runs, so that nobody has to wait for it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(twilio, log_level="critical", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        running = asyncio.create_task(server._serve([listening]))  # noqa: SLF001  # It leaves signals to others.
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            server.force_exit = True
            await running
