"""A town around Draad: all who send something in, as they really do, and all who take something away.

Everything that a provider says, it says twice: so that what stands on a timeline once was told more than once.
"""

import json
import smtplib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from channels.channel import Inbound
from infra.mail import USER, Dovecot
from infra.server import HERE
from simulation import meta, twilio
from simulation.meta import Meta
from simulation.relay import Relay, relaying
from simulation.twilio import PUBLIC, Callback, Twilio, Voice
from tests.beside import Beside, beside
from tests.channels.post import plain
from tests.running import Running, aside
from tests.signers.letter import SETTINGS as LETTER
from tests.signers.letter import sign
from tests.story.website import Municipality, website

PHONE: Final = "+31612345678"
MAIL: Final = "joelle@mail.example"
TWICE: Final = 2
SECRETS: Final = {
    "TWILIO": twilio.TOKEN,
    "META_APP": meta.APP_SECRET,
    "META_VERIFY": meta.VERIFY,
    "META_ACCESS": meta.ACCESS,
    "POST_ROOM": LETTER["signing"],
}
CHANNELS: Final = """
public_url = "{public}"

[phone.main]
auth_tokens = [{{ env = "TWILIO" }}]
connect = "front"
[phone.main.targets]
front = {{ queue = "front" }}

[sms.main]
account_sid = "{account}"
auth_tokens = [{{ env = "TWILIO" }}]
sender = "{ours}"
api_url = "{twilio}"

[whatsapp.main]
phone_number_id = "{number_id}"
app_secret = {{ env = "META_APP" }}
verify_token = {{ env = "META_VERIFY" }}
access_token = {{ env = "META_ACCESS" }}
graph_url = "{graph}"
media_hosts = ["{meta}"]

[email.info]
address = "{user}"
imap_host = "{here}"
imap_port = {imap}
imap_security = "none"
imap_user = "{user}"
imap_password = {{ env = "MAIL" }}
lmtp_listen = "{here}:{lmtp}"
smtp_host = "{here}"
smtp_port = {smtp}
smtp_security = "none"

[chat.main]
origins = ["{site}"]

[letter.post]
signing = {{ env = "POST_ROOM" }}
"""
SITE: Final = """
[form]
title = "Gemeente Voorbeeld"

[journey]
origins = ["{site}"]
products = ["paspoort"]
"""
PAGE: Final = """<!doctype html><html lang="nl"><head><meta charset="utf-8"><title>Paspoort</title>
<script src="{at}/journey/journey.js" data-product="paspoort" data-step="information" defer></script>
<script src="{at}/chat/widget.js" data-inbox="main" defer></script></head>
<body><main><h1>Paspoort</h1></main></body></html>"""

# Opens Draad in a folder, at a port (0: any) and with these settings: all of its processes, the one that answers first.
Opening = Callable[[Path, int, Mapping[str, str]], AbstractContextManager[list[Running]]]


@dataclass
class Town:
    folder: Path
    opening: Opening
    dovecot: Dovecot
    lmtp: int
    meta: Meta
    twilio: Twilio
    relay: Relay
    website: Municipality
    settings: dict[str, str]
    houses: list[Running] = field(default_factory=list)
    port: int = 0

    @property
    def draad(self) -> Running:
        """The one that answers."""
        return self.houses[0]

    @contextmanager
    def open(self) -> Iterator[None]:
        """Draad runs, where it ran before."""
        with self.opening(self.folder, self.port, self.settings) as self.houses:
            self.port = self.draad.port
            eventually(lambda: self.draad.client.get("/").status_code == 200)  # A new log has its views built first.
            self.website.html = PAGE.format(at=self.draad.address)
            yield

    def power_cut(self) -> None:
        for house in self.houses:
            house.kill()

    # What comes in.

    def posts_letter(self, reference: str, text: str, days_ago: int) -> None:
        """The post room is behind: it tells today of what came then."""
        day = datetime.now(UTC).date() - timedelta(days=days_ago)
        letter = {"reference": reference, "received": f"{day}", "sender": "J. Bakker, Dorpsstraat 1", "text": text}
        body = json.dumps(letter).encode()
        for _ in range(TWICE):
            headers = sign(LETTER, "", body, datetime.now(UTC))
            self.takes("/webhooks/letter/post", body, headers)

    def books(self, reference: str, agreed: datetime, starts: datetime, party: str | None = None) -> None:
        """The appointment system, which knows her telephone, and at times who she is."""
        address = {"kind": "phone", "value": PHONE}
        said = {"reference": reference, "product": "passport", "address": address, "party_id": party}
        body = said | {"at": agreed.isoformat(), "starts_at": starts.isoformat()}
        for _ in range(TWICE):
            answer = self.draad.client.post("/v1/appointments", json=body, headers={"Idempotency-Key": reference})
            assert answer.status_code == 201, answer.text

    def walks_in(self, ticket: str, party: str, hours_ago: int) -> None:
        """The queue at the counter tells of her when she has been helped."""
        at = datetime.now(UTC) - timedelta(hours=hours_ago)
        self.tells("/v1/appointments/walk-ins", reference=ticket, product="passport", party_id=party, at=at)
        self.tells("/v1/appointments/servings", reference=ticket, at=at + timedelta(minutes=5))

    def tells(self, path: str, at: datetime, **said: str) -> None:
        """Until it is believed: what was told just before may not be known yet."""
        body, headers = said | {"at": at.isoformat()}, {"Idempotency-Key": path}
        for _ in range(TWICE):
            eventually(lambda: self.draad.client.post(path, json=body, headers=headers).status_code == 201)

    def whatsapps(self, wamid: str, text: str, at: datetime) -> None:
        who = meta.sender("Joëlle", PHONE[1:])
        stamp = str(int(at.timestamp()))
        said = meta.message(wamid, number=PHONE[1:], text={"body": text}, timestamp=stamp)
        self.from_meta(meta.payload(said, contacts=[who]))

    def whatsapp_receipts(self, *words: str) -> None:
        """Meta's word on what was sent last, each by itself and in whatever order."""
        sent, now = self.meta.sent[-1], str(int(datetime.now(UTC).timestamp()))
        token = sent["biz_opaque_callback_data"]
        for word in words:
            self.from_meta(meta.payload(statuses=[meta.status(sent["wamid"], word, token, timestamp=now)]))

    def from_meta(self, said: dict[str, Any]) -> None:
        body = meta.packed(said)
        headers = {"X-Hub-Signature-256": meta.signature(body), "Content-Type": "application/json"}
        for _ in range(TWICE):
            self.takes("/webhooks/whatsapp/main", body, headers)

    def calls(self) -> Voice:
        voice = Voice(PHONE, at=datetime.now(UTC))
        self.from_twilio(voice.rings())
        return voice

    def hangs_up(self, voice: Voice) -> None:
        self.from_twilio(voice.ends(lasted=max(1, int((datetime.now(UTC) - voice.at).total_seconds()))))

    def texts(self, sid: str, text: str) -> None:
        self.from_twilio(twilio.texted(text, PHONE, sid))

    def from_twilio(self, callback: Callback) -> None:
        for _ in range(TWICE):
            posted: Inbound = twilio.inbound(callback)
            self.takes(callback.url.removeprefix(PUBLIC), posted.body, posted.headers)

    def takes(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        url = f"{self.draad.address}{path}"
        answer = httpx.post(url, content=body, headers=dict(headers), timeout=20, trust_env=False)
        assert answer.status_code == 200, answer.text

    def mails(self, text: str, **headers: str) -> bytes:
        """She sends a mail; it lies in the mailbox, where Draad finds it when it looks."""
        mail = plain(text, From=f"J. Bakker <{MAIL}>", **headers)
        self.dovecot.deliver(mail, to=headers.get("To", USER), sender=MAIL)
        return mail

    def hands_over(self, mail: bytes, to: str) -> None:
        """The mail server brings it by LMTP as well."""
        with smtplib.LMTP(HERE, self.lmtp, timeout=30) as server:
            assert server.sendmail(MAIL, [to], mail) == {}

    # What is on the log in the end.

    def facts(self, type: str) -> list[dict[str, Any]]:
        shown = aside(self.folder / "draad.db", "log", "--json", "--after", "0", "--type", type, "--data", "--personal",
                      **self.settings)  # fmt: skip
        assert shown.returncode == 0, shown.stderr
        return [json.loads(line)["data"] for line in shown.stdout.splitlines()]


def eventually(holds: Callable[[], Any], seconds: float = 90.0) -> None:
    """Wait until it is so; providers tell nobody when something came to them."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def told(town: Town, count: int) -> None:
    """So many mails left, and that is known: a cut in between would leave it for a person to find out."""
    eventually(lambda: len(town.relay.taken) == count, 90)
    eventually(lambda: len(town.facts("notification.sent")) == count)


def next_second() -> datetime:
    """Now, in a later second than all that was: some know only whole ones."""
    began = datetime.now(UTC)
    eventually(lambda: datetime.now(UTC) - began > timedelta(seconds=1))
    return datetime.now(UTC)


@contextmanager
def open_town(folder: Path, opening: Opening, more: Mapping[str, str]) -> Iterator[Town]:
    with ExitStack() as opened:
        there: Beside = opened.enter_context(beside())
        texts, office = Twilio(), opened.enter_context(Dovecot())
        facebook, site = opened.enter_context(Meta().running()), opened.enter_context(website())
        relay = opened.enter_context(kept_open(there, relaying))
        url = opened.enter_context(kept_open(there, lambda: twilio.serving(texts)))
        lmtp = office.take_port()
        (folder / "channels.toml").write_text(
            CHANNELS.format(
                public=PUBLIC,
                account=twilio.ACCOUNT,
                ours=twilio.OURS,
                twilio=url,
                number_id=meta.NUMBER_ID,
                graph=facebook.graph_url,
                meta=facebook.host,
                user=USER,
                here=HERE,
                imap=office.imap,
                lmtp=lmtp,
                smtp=relay.port,
                site=site.origin,
            )
        )
        (folder / "site.toml").write_text(SITE.format(site=site.origin))
        files = {"DRAAD_CHANNELS": str(folder / "channels.toml"), "DRAAD_SITE": str(folder / "site.toml")}
        settings = {**more, **files, **SECRETS, "MAIL": office.password}
        yield Town(folder, opening, office, lmtp, facebook, texts, relay, site, settings)


@contextmanager
def kept_open(there: Beside, open_it: Callable[[], Any]) -> Iterator[Any]:
    """Something that needs a loop, open in the one beside us."""
    opened = open_it()
    found = there.do(opened.__aenter__())
    try:
        yield found
    finally:
        there.do(opened.__aexit__(None, None, None))
