"""A process that dies at any step of a send: residents are told once, or somebody is to look, and it is said why.

`kill -9` comes when a relay, a provider or the log itself shows from outside how far the message came. Nothing in Draad
knows of it.
"""

import json
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

import pytest

from infra.server import HERE
from simulation import twilio
from simulation.twilio import PUBLIC, Callback, inbound
from tests.beside import Beside, beside
from tests.faults.conftest import Tell
from tests.faults.halts import Halt, HoldingRelay, HoldingTwilio, holding
from tests.many import Many
from tests.running import TOKEN, Running, aside
from tests.story.conftest import alone, together
from tests.story.town import Opening, eventually, kept_open

MAIL_STEPS: Final = (
    "connected",
    "sender",
    "recipient",
    "asked",
    "taken",
    "answered",
)  # At which a relay holds one each.
SMS_STEPS: Final = ("connected", "read", "taken", "answered")
LOG_STEPS: Final = ("notification.requested", "contact.made", "begun", "message.sent")  # The last that is known of it.
ORDER: Final = (
    "case.opened", "notification.wanted", "notification.requested", "notification.due", "contact.made",
    "message.requested", "begun", "message.sent",
)  # fmt: skip
ENDED: Final = ("message.sent", "message.unknown", "message.failed")
END_S_MAX: Final = 300.0
STEP_S_MAX: Final = 60.0
SLICE_S: Final = 0.001  # That it lives between two looks.
TRIES_MAX: Final = 40  # To catch it at a step.
CHANNELS: Final = """
public_url = "{public}"

[sms.main]
account_sid = "{account}"
auth_tokens = [{{ env = "TWILIO" }}]
sender = "{ours}"
api_url = "{twilio}"
list_late_s_max = 0

[email.info]
address = "info@draad.example"
smtp_host = "127.0.0.1"
smtp_port = {smtp}
smtp_security = "none"
"""
SITE: Final = """
[notify]
organisation = "Gemeente Voorbeeld"
phone = "14 020"
email_inbox = "info"
"""


class Sending:
    """Draad with a relay and a provider that hold what it sends, and the residents whom it tells."""

    def __init__(
        self, folder: Path, opening: Opening, more: Mapping[str, str], there: Beside, opened: ExitStack
    ) -> None:
        self.folder, self.opening, self.there = folder, opening, there
        self.mails, self.texts, self.looks = Halt(), Halt(), Halt()
        self.relay: HoldingRelay = opened.enter_context(kept_open(there, lambda: holding(self.mails)))
        self.twilio = HoldingTwilio(self.texts, self.looks)
        url = opened.enter_context(kept_open(there, lambda: twilio.serving(self.twilio)))
        said = {"account": twilio.ACCOUNT, "ours": twilio.OURS, "twilio": url, "smtp": self.relay.port}
        (folder / "channels.toml").write_text(CHANNELS.format(public=PUBLIC, **said))
        (folder / "site.toml").write_text(SITE)
        files = {"DRAAD_CHANNELS": str(folder / "channels.toml"), "DRAAD_SITE": str(folder / "site.toml")}
        self.settings = {**more, **files, "TWILIO": twilio.TOKEN}
        self.houses: list[Running] = []
        self.asked = 0

    @property
    def log(self) -> Path:
        return self.folder / "draad.db"

    @contextmanager
    def lives(self) -> Iterator[None]:
        """It begins anew with what is there."""
        with self.opening(self.folder, 0, self.settings) as self.houses:
            eventually(lambda: self.houses[0].client.get("/").status_code == 200)  # Its views are built first.
            yield

    def stops(self) -> None:
        """It stands still, wherever it is, until it is killed or goes on."""
        for house in self.houses:
            house.process.send_signal(signal.SIGSTOP)
            while any(state(path) != "T" for path in Path(f"/proc/{house.process.pid}/task").iterdir()):
                os.sched_yield()

    def goes_on(self) -> None:
        for house in self.houses:
            house.process.send_signal(signal.SIGCONT)

    def killed(self) -> None:
        for house in self.houses:
            house.kill()
        for halt in (self.mails, self.texts, self.looks):
            self.there.call(halt.dead.set)

    # What is to be told.

    def says(self, path: str, **body: Any) -> dict[str, Any]:
        self.asked += 1
        headers = {"Idempotency-Key": f"k{self.asked}"}
        answer = self.houses[0].client.post(path, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def lives_here(self, mail: str) -> str:
        """A resident with this address."""
        party = str(self.says("/v1/parties", name="J. Bakker")["party_id"])
        self.says(f"/v1/parties/{party}/addresses", address={"kind": "email", "value": mail})
        return party

    def has_news(self, party: str) -> None:
        self.says("/v1/cases", party_id=party, kind="passport", title="Paspoort aanvragen")

    def texted_by(self, number: str) -> None:
        """Who texts us reads that we have it."""
        self.takes(twilio.texted("Is mijn paspoort klaar?", number, f"SM{number[1:]:0>32}"))

    def takes(self, callback: Callback) -> None:
        posted = inbound(callback)
        path = callback.url.removeprefix(PUBLIC)
        answer = self.houses[0].client.post(path, content=posted.body, headers=dict(posted.headers))
        assert answer.status_code == 200, answer.text

    # What came of it.

    def head(self) -> int:
        return int(self.looks_in("SELECT max(position) FROM log")[0][0])

    def last_since(self, head: int) -> str:
        """How far the one message came that was asked for since then; nothing, where it stopped within a write."""
        try:
            return self._last_since(head)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_PROTOCOL":
                raise
            return ""

    def _last_since(self, head: int) -> str:
        seen = {row[0] for row in self.looks_in("SELECT DISTINCT type FROM log WHERE position > ?", head)}
        begun = "SELECT 1 FROM lent JOIN task ON number = task WHERE name = 'intake.courier' AND lent.position > ?"
        seen |= {"begun"} if self.looks_in(begun, head) else set()
        return max(seen & {*ORDER}, key=ORDER.index, default="")

    def ended(self) -> int:
        return int(self.looks_in(f"SELECT count(*) FROM log WHERE type IN {ENDED}")[0][0])

    def looks_in(self, query: str, *values: int) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.log}?mode=ro", uri=True)) as db:
            return db.execute(query, values).fetchall()

    def facts(self) -> list[dict[str, Any]]:
        words = ("log", "--json", "--after", "0", "--data", "--personal")
        shown = aside(self.log, *words, **self.settings)
        assert shown.returncode == 0, shown.stderr
        return [json.loads(line) for line in shown.stdout.splitlines()]

    def facts_with(self, ends: int) -> list[dict[str, Any]]:
        """All facts, once so many messages have come to an end."""
        found: list[dict[str, Any]] = []

        def all_of_them() -> bool:
            found[:] = self.facts()
            return sum(one["type"] in ENDED for one in found) >= ends

        eventually(all_of_them, END_S_MAX)
        return found

    def to_look_at(self) -> int:
        """How many a person has to look at, as nobody knows whether they were taken."""
        return [item["why"] for item in self.houses[0].client.get("/v1/work").json()["items"]].count("unknown")


@pytest.fixture
def there() -> Iterator[Beside]:
    with beside() as found:
        yield found


@pytest.fixture(params=["one machine", pytest.param("many machines", marks=pytest.mark.xdist_group("servers"))])
def sending(request: pytest.FixtureRequest, tmp_path: Path, there: Beside) -> Iterator[Sending]:
    many: Many | None = None if request.param == "one machine" else request.getfixturevalue("many")
    with ExitStack() as opened:
        yield Sending(tmp_path, together if many else alone, many or {}, there, opened)


@pytest.mark.timeout(900)
def test_killed_wherever_a_relay_or_provider_holds_it_nobody_is_told_twice(sending: Sending, tell: Tell) -> None:
    mails = [f"r{nth}@mail.example" for nth, _ in enumerate(MAIL_STEPS)]
    numbers = [f"+3161234560{nth}" for nth, _ in enumerate(SMS_STEPS)]
    with sending.lives():
        parties = [sending.lives_here(mail) for mail in mails]
        sending.mails.steps.extend(MAIL_STEPS)
        sending.texts.steps.extend(SMS_STEPS)
        for party in parties:
            sending.has_news(party)
        for number in numbers:
            sending.texted_by(number)
        eventually(lambda: sorted(sending.mails.held) == sorted(MAIL_STEPS))
        eventually(lambda: sorted(sending.texts.held) == sorted(SMS_STEPS))
        sending.stops()  # It hears no more, and the answers leave.
        for halt in (sending.mails, sending.texts):
            sending.there.call(halt.answer.set)
            eventually(halt.answered.is_set)
        sending.killed()
    taken = Counter(sending.relay.recipients() + sending.twilio.numbers())
    assert sorted(taken.values()) == [1] * 4, "at both, the last two steps were past it"
    sending.looks.dead.clear()
    sending.looks.steps.extend(["taken"] * len(SMS_STEPS))  # Asked for its list, Twilio says nothing.
    with sending.lives():
        eventually(lambda: len(sending.looks.held) == len(SMS_STEPS))
        sms = next(number for number in numbers if taken[number])
        receipt = delivered(sending, sms)
        sending.stops()
        request = inbound(receipt)
        with closing(posted(sending, receipt.url.removeprefix(PUBLIC), request.body, request.headers)) as connection:
            sending.killed()
            with pytest.raises((HTTPException, ConnectionError)):
                connection.getresponse()
    with sending.lives():
        for _ in range(2):
            sending.takes(receipt)
        not_taken = [number for number in numbers if not taken[number]]
        eventually(lambda: sending.to_look_at() == len(mails) + len(not_taken))
        facts = sending.facts_with(ends=len(mails) + len(numbers))
    assert Counter(sending.relay.recipients() + sending.twilio.numbers()) == taken, "nothing was sent again"
    unknown = {*mails, *not_taken}  # No relay can be asked whether it took a mail; Twilio can.
    assert ends(facts) == {who: ["message.unknown" if who in unknown else "message.sent"] for who in mails + numbers}
    assert [one["type"] for one in facts].count("message.delivered") == 1
    tell(f"killed at {len(MAIL_STEPS) + len(SMS_STEPS)} steps, and while {len(SMS_STEPS)} were looked for")


def ends(facts: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Of each address, how all that was to go there ended."""
    made = {one["data"]["message_id"]: one["data"]["address"] for one in facts if one["type"] == "contact.made"}
    found: dict[str, list[str]] = {address: [] for address in made.values()}
    for one in facts:
        if one["type"] in ENDED:
            found[made[one["data"]["message_id"]]].append(one["type"])
    return found


def state(thread: Path) -> str:
    """Of a thread, as Linux has it: `T` where it is stopped."""
    return (thread / "stat").read_text().rpartition(") ")[2][0]


def delivered(sending: Sending, number: str) -> Callback:
    """What Twilio says of the message that it took for this number."""
    sid = next(message["sid"] for message in sending.twilio.messages if message["to"] == number)
    [callback] = sending.twilio.receipts(sid, "delivered")
    return callback


def posted(sending: Sending, path: str, body: bytes, headers: Mapping[str, str]) -> HTTPConnection:
    """It has reached the machine; whether it is read there is another matter."""
    connection = HTTPConnection(HERE, sending.houses[0].port, timeout=20)
    connection.request("POST", path, body, dict(headers))
    return connection


@pytest.mark.timeout(900)
@pytest.mark.parametrize("sending", ["one machine"], indirect=True)
def test_killed_as_soon_as_a_step_is_on_the_log_it_leaves_once_or_somebody_is_to_look(
    sending: Sending, tell: Tell
) -> None:
    wished, killed = list[str](), dict[str, str]()
    for step in LOG_STEPS:
        with sending.lives():
            eventually(lambda: sending.ended() == len(wished))  # Those of before are no longer on their way.
            killed[step] = stopped_at(step, sending, wished)
            sending.killed()
    with sending.lives():
        found = ends(sending.facts_with(ends=len(wished)))
        eventually(lambda: sending.to_look_at() == 1)
    assert found == {mail: ["message.sent"] for mail in wished} | {killed["begun"]: ["message.unknown"]}
    assert Counter(sending.relay.recipients()) == Counter(mail for mail in wished if mail != killed["begun"])
    tell(f"stopped {len(wished)} times to be killed at {len(killed)} steps")


def stopped_at(step: str, sending: Sending, wished: list[str]) -> str:
    """Stop it where this is the last that is known of a message, and tell whose. Who got past it is told meanwhile."""
    for _ in range(TRIES_MAX):
        wished.append(f"w{len(wished)}@mail.example")
        if stopped(step, sending, sending.lives_here(wished[-1])):
            return wished[-1]
    raise AssertionError(f"it was never seen at {step}")


def stopped(step: str, sending: Sending, party: str) -> bool:
    """Let it live a little at a time, until it is there or was."""
    head, moves = sending.head(), sending.relay.moves
    body = json.dumps({"party_id": party, "kind": "passport", "title": "Paspoort aanvragen"}).encode()
    headers = {"Idempotency-Key": party, "Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with closing(posted(sending, "/v1/cases", body, headers)) as connection:
        deadline = time.monotonic() + STEP_S_MAX
        last = ""
        while last != ORDER[-1]:
            assert time.monotonic() < deadline, last
            time.sleep(SLICE_S)
            sending.stops()
            last = sending.last_since(head)
            if last == step and (step != "begun" or sending.relay.moves == moves):
                return True
            sending.goes_on()
        assert connection.getresponse().status == 201
        return False
