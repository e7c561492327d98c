"""The ways from the town to Draad: what a provider or program sends, signed as it really signs.

Every so often a provider sends the same again, as they all do.
"""

import asyncio
import json
import random
import smtplib
from collections.abc import Awaitable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, Final
from uuid import UUID

import httpx
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from simulation import meta, twilio
from simulation.letters import INFO, form, garbled, mail, step
from simulation.people import Resident
from simulation.relay import HERE

ANSWER_S_MAX: Final = 20.0
MAILS_MAX: Final = 6  # That are handed over at once.
AGAIN: Final = 0.15  # How many webhooks come twice.
SITE: Final = "https://www.oefenstad.example"  # The municipality's own website.


class Refusal(Exception):
    """Draad did not take what it should have."""


STUMBLES: Final = (Refusal, httpx.HTTPError, OSError, smtplib.SMTPException, WebSocketException)

log = structlog.get_logger("town")


class Streets:
    """All ways in. `address` is where Draad listens, `token` what its API takes, and `lmtp` where it takes mail."""

    def __init__(self, address: str, token: str, lmtp: int, dice: random.Random) -> None:
        self.address, self._lmtp, self._dice = address, lmtp, dice
        self.client = httpx.AsyncClient(base_url=address, timeout=ANSWER_S_MAX, trust_env=False)
        self._token = {"Authorization": f"Bearer {token}"}
        # Of its own: Draad may live in this process, and needs a thread to take what all of these hand over.
        self._threads = ThreadPoolExecutor(MAILS_MAX, thread_name_prefix="town-mail")

    async def close(self) -> None:
        self._threads.shutdown(wait=False)
        await self.client.aclose()

    def name(self) -> str:
        """An id that a provider would roll, and this town rolls the same each time."""
        return UUID(int=self._dice.getrandbits(128), version=4).hex

    async def webhook(self, url: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """As a provider calls it, now and then twice. Raises `Refusal`."""
        times = 2 if self._dice.random() < AGAIN else 1
        every = [await self.client.post(url, content=body, headers=dict(headers)) for _ in range(times)]
        return taken(every[0])

    async def twilio(self, callback: twilio.Callback) -> httpx.Response:
        posted = twilio.inbound(callback)
        return await self.webhook(callback.url, posted.body, posted.headers)

    async def meta(self, said: Mapping[str, Any]) -> None:
        body = meta.packed(said)
        headers = {"X-Hub-Signature-256": meta.signature(body), "Content-Type": "application/json"}
        await self.webhook(f"{self.address}/webhooks/whatsapp/main", body, headers)

    async def texts(self, who: Resident, text: str) -> None:
        """An SMS."""
        said = twilio.texted(text, who.phone, f"SM{self.name()}")
        await self.twilio(said._replace(url=f"{self.address}/webhooks/sms/main"))

    async def whatsapps(self, who: Resident, text: str) -> None:
        number, now = who.phone[1:], str(int(datetime.now(UTC).timestamp()))
        said = meta.message(f"wamid.{self.name()}", number=number, text={"body": text}, timestamp=now)
        await self.meta(meta.payload(said, contacts=[meta.sender(who.name, number)]))

    async def fills_in(self, who: Resident, product: str, text: str) -> None:
        """A form of the website, by a tool that signs as Standard Webhooks has it."""
        letter = form(who, product, text, self.name(), datetime.now(UTC))
        await self.webhook("/webhooks/web/forms", letter.body, letter.headers)

    async def garbles(self) -> None:
        letter = garbled(self.name(), datetime.now(UTC))
        await self.webhook("/webhooks/web/forms", letter.body, letter.headers)

    async def forges(self) -> None:
        """Somebody without the key. Draad has to refuse it."""
        answer = await self.client.post("/webhooks/web/forms", json={"vraag": "Dit is niet echt."})
        if answer.status_code < httpx.codes.BAD_REQUEST:
            raise Refusal("it believed a webhook that nobody signed")

    async def mails(self, who: Resident, title: str, text: str) -> None:
        """The mail server hands it over by LMTP."""
        written = mail(who, title, text, self.name(), datetime.now(UTC))
        await self.hands_over(written, who.email)

    async def hands_over(self, mail: EmailMessage, sender: str) -> None:
        def handed() -> None:
            with smtplib.LMTP(HERE, self._lmtp, timeout=ANSWER_S_MAX) as server:
                server.sendmail(sender, [INFO], bytes(mail))

        await asyncio.get_running_loop().run_in_executor(self._threads, handed)

    async def steps(self, visit: str, product: str, reached: str, *, whence: str = "") -> None:
        """A page of the website tells how far a visitor came; a proxy in front may say from which address."""
        headers = {"Origin": SITE} | ({"X-Forwarded-For": whence} if whence else {})
        taken(await self.client.post("/journey", content=step(visit, product, reached), headers=headers))

    async def api(self, path: str, **body: Any) -> dict[str, Any]:
        """A program with the token, such as the appointment system. It says it again until it is heard."""
        headers = self._token | {"Idempotency-Key": self.name()}
        while True:
            answer = await self.client.post(path, json=body, headers=headers)
            if answer.status_code != httpx.codes.CONFLICT:
                return dict(taken(answer).json())
            await asyncio.sleep(1)  # It was booked just now, and is not known yet.

    async def get(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        return await self.client.get(path, headers=self._token | dict(headers))

    async def work(self) -> list[dict[str, Any]]:
        """What waits for somebody."""
        items: list[dict[str, Any]] = taken(await self.get("/v1/work", {})).json()["items"]
        return items

    async def waits(self, phone: str) -> dict[str, str]:
        """What waits of this telephone, if anything does."""
        return next((item for item in await self.work() if item.get("value") == phone), {})

    def chat(self) -> connect:
        """As the browser on the website opens it."""
        at = self.address.replace("http://", "ws://")
        return connect(f"{at}/chat/main/socket", origin=SITE, proxy=None)  # type: ignore[arg-type]


async def steady(scene: str, work: Awaitable[None]) -> None:
    """Whatever does not go as it should is logged, and the town goes on."""
    try:
        await work
    except STUMBLES as error:
        log.warning("town.stumbled", scene=scene, error=type(error).__name__)


async def says(socket: ClientConnection, **frame: Any) -> None:
    await socket.send(json.dumps(frame))


def taken(answer: httpx.Response) -> httpx.Response:
    """Raises `Refusal`, and quotes nothing."""
    if answer.is_error:
        raise Refusal(f"{answer.request.method} {answer.request.url.path} was answered with {answer.status_code}")
    return answer
