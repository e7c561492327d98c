"""A strict stand-in for Meta's Cloud API: it takes messages, keeps files, and sends webhooks as badly as Meta does.

It is strict where Meta is: who asks without the key, names somebody who is none, or leaves a field out, is refused with
Meta's own number for it. Its webhooks are signed over the bytes that it sends, and those escape every ë.
"""

import gzip
import hashlib
import hmac
import itertools
import json
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

APP_SECRET: Final = "meta-app-secret-of-these-tests"
ACCESS: Final = "meta-access-token-of-these-tests"
VERIFY: Final = "meta-verify-token-of-these-tests"
NUMBER_ID: Final = "106540352242922"
NUMBER: Final = "31850661234"
SETTINGS: Final = {  # Of our inbox, as the channels file has them.
    "phone_number_id": NUMBER_ID,
    "app_secret": APP_SECRET,
    "verify_token": VERIFY,
    "access_token": ACCESS,
}
KEYS: Final = {"messaging_product", "recipient_type", "type", "biz_opaque_callback_data", "context"}
VALUE_CHARS_MAX: Final = 1_024
OPAQUE_CHARS_MAX: Final = 512
TEXT_CHARS_MAX: Final = 4_096
NO_TEMPLATE: Final = 132001
PAUSED, DISABLED = -1, -2  # In place of how many gaps a template has.


def packed(payload: Mapping[str, Any]) -> bytes:
    """As Meta writes it: no spaces, and everything that is not ASCII escaped."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=True).encode()


def signature(body: bytes, secret: str = APP_SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def payload(
    *messages: Mapping[str, Any],
    statuses: Sequence[Mapping[str, Any]] = (),
    contacts: Sequence[Mapping[str, Any]] = (),
    number_id: str = NUMBER_ID,
    **more: Any,
) -> dict[str, Any]:
    """One entry with one change, which may say several things at once."""
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": NUMBER, "phone_number_id": number_id},
    }
    for name, items in (("contacts", contacts), ("messages", messages), ("statuses", statuses)):
        if items:
            value[name] = list(items)
    change = {"value": value | more, "field": "messages"}
    return {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [change]}]}


def sender(name: str, number: str = "", user: str = "") -> dict[str, Any]:
    said: dict[str, Any] = {"profile": {"name": name}}
    if number:
        said["wa_id"] = number
    if user:
        said["user_id"] = user
    return said


def message(wamid: str, kind: str = "text", number: str = "", user: str = "", **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"id": wamid, "timestamp": "1795514400", "type": kind}
    if number:
        said["from"] = number
    if user:
        said["from_user_id"] = user
    return said | more


def album(number: str, size: int = 5) -> list[dict[str, Any]]:
    """Pictures that somebody sent in one go: each is a message of its own."""
    return [
        message(f"wamid.ALBUM{n}", "image", number, image={"id": f"90{n}", "mime_type": "image/jpeg", "sha256": "aa"})
        for n in range(size)
    ]


def status(wamid: str, word: str, token: str = "", number: str = "31612345678", **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"id": wamid, "status": word, "timestamp": "1795514460", "recipient_id": number}
    if token:
        said["biz_opaque_callback_data"] = token
    return said | more


class Meta:
    """The Graph API on a port of this machine. `failing` says what becomes of the next messages, one each."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.templates: dict[tuple[str, str], int] = {}  # By name and language, how many gaps; -1 where it is paused.
        self.files: dict[str, bytes] = {}
        self.packed = False  # Whether it packs files on their way.
        self.elsewhere: str = ""  # A host that it names instead of its own.
        self.failing: list[tuple[int, int] | str] = []
        self.asked: list[str] = []
        self.heard: Callable[[Mapping[str, Any]], None] | None = None  # Is told of each message, in a thread.
        self._numbers = itertools.count(1)
        self._server: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        assert self._server
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def graph_url(self) -> str:
        return f"http://{self.host}/v23.0"

    @contextmanager
    def running(self) -> Iterator["Meta"]:
        handler = type("Handler", (Handler,), {"meta": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def take(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """What Meta answers to a message."""
        kind = str(body.get("type"))
        strange = set(body) - KEYS - {"to", "recipient", kind}
        if strange or body.get("messaging_product") != "whatsapp" or kind not in {"text", "template"}:
            return refused(400, 100)
        if kind == "template" and (fault := self.fault(body.get("template"))):
            return refused(404 if fault == NO_TEMPLATE else 400, fault)
        text = body.get("text")
        if kind == "text" and not (isinstance(text, dict) and 0 < len(text.get("body", "")) <= TEXT_CHARS_MAX):
            return refused(400, 100)
        if len(body.get("biz_opaque_callback_data", "")) > OPAQUE_CHARS_MAX or not ("to" in body) ^ (
            "recipient" in body
        ):
            return refused(400, 100)
        if not str(body.get("to", "1")).isdigit():
            return refused(400, 131009)
        wamid = f"wamid.SENT{next(self._numbers)}"
        self.sent.append(dict(body) | {"wamid": wamid})
        if self.heard:
            self.heard(self.sent[-1])
        contact = {"input": body.get("to") or body.get("recipient")}
        return 200, {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": wamid}]}

    def fault(self, template: Any) -> int:  # noqa: PLR0911  # One line for each thing that may be wrong.
        """Meta's number for what is wrong with a template; 0 where nothing is."""
        if not isinstance(template, dict) or set(template) - {"name", "language", "components"}:
            return 100
        language = template.get("language")
        if not isinstance(language, dict) or set(language) != {"code"}:
            return 100
        known = self.templates.get((template.get("name", ""), language["code"]))
        if known is None:
            return NO_TEMPLATE
        if known < 0:
            return 132015 if known == PAUSED else 132016
        parts = template.get("components", [])
        if any(set(part) != {"type", "parameters"} or part["type"] != "body" for part in parts):
            return 132012
        values = [value for part in parts for value in part["parameters"]]
        if any(set(value) != {"type", "text"} or value["type"] != "text" for value in values):
            return 132012
        if len(values) != known:
            return 132000
        if not all(value["text"] for value in values):
            return 131008
        if any(re.search(r"[\n\t]| {5}", value["text"]) for value in values):
            return 132018
        return 132005 if sum(len(value["text"]) for value in values) > VALUE_CHARS_MAX else 0


class Handler(BaseHTTPRequestHandler):
    meta: Meta
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._known():
            return
        fault = self.meta.failing.pop(0) if self.meta.failing else None
        if fault == "silent":  # It took it, and the answer is lost.
            self.meta.take(body)
            self.close_connection = True
            return
        if isinstance(fault, tuple):
            self._answer(*refused(*fault))
        elif self.path != f"/v23.0/{NUMBER_ID}/messages":
            self._answer(*refused(404, 100))
        else:
            self._answer(*self.meta.take(body))

    def do_GET(self) -> None:
        self.meta.asked.append(self.path)
        if not self._known():
            return
        path, _, query = self.path.partition("?")
        name = path.rpartition("/")[2]
        data = self.meta.files.get(name)
        if data is None:
            self._answer(*refused(404, 100))
        elif path.startswith("/v23.0/"):
            if query != f"phone_number_id={NUMBER_ID}":
                self._answer(*refused(400, 100))
                return
            url = f"http://{self.meta.elsewhere or self.meta.host}/files/{name}"
            self._answer(200, {"url": url, "mime_type": "image/jpeg", "sha256": hashlib.sha256(data).hexdigest()})
        elif self.meta.packed:
            self._send(200, gzip.compress(data), "image/jpeg", "gzip")
        else:
            self._send(200, data, "image/jpeg")

    def _known(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {ACCESS}":
            return True
        self._answer(*refused(401, 190))
        return False

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str, encoding: str = "identity") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """It says nothing."""


def refused(status: int, code: int) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"message": f"(#{code}) +31612345678", "type": "OAuthException", "code": code}}


def again(bodies: Sequence[bytes], dice: random.Random, times: int = 3) -> Iterator[bytes]:
    """Each as often as that, in any order: parallel duplicates, the same after 3 seconds, and after 6 days."""
    several = [body for body in bodies for _ in range(times)]
    dice.shuffle(several)
    yield from several
