"""Twilio's API for messages: sending one, listing them, and fetching a picture, each tried once.

Twilio has no key that would make a repeat harmless. So nothing is tried again here, and each failure is told apart:
surely not sent, never to be sent, or nobody knows.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from channels.channel import Undeliverable
from channels.outward import BROKEN, LATER, downloaded, posted
from schemas.errors import Ambiguous, DraadError, Unavailable

CONNECT_S_MAX: Final = 5.0
ANSWER_S_MAX: Final = 30.0  # Twilio may work on for 26 s after a request that it seems to have dropped.
ANSWER_BYTES_MAX: Final = 4_000_000
LISTED_MAX: Final = 1_000  # Twilio's own largest page.
SKEW: Final = timedelta(minutes=1)  # That Twilio's clock may be behind ours.
MEDIA_BYTES_MAX: Final = 10 * 2**20  # Twice what Twilio itself takes.
SLOW: Final = 408
CODE_DIGITS_MAX: Final = 6
REASONS: Final = {  # Of Twilio's error codes, in our words. The others keep their number: twilio-30032.
    21211: "no-such-address",
    21610: "opted-out",
    21614: "no-mobile",
    30001: "expired",
    30003: "unreachable",
    30004: "blocked",
    30005: "no-such-address",
    30006: "no-mobile",
    30007: "filtered",
    30036: "expired",
}


class TwilioMessages:
    """The messages of one account."""

    def __init__(self, api_url: str, account_sid: str, auth_token: str) -> None:
        waits = httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX, pool=CONNECT_S_MAX)
        self.client = httpx.AsyncClient(auth=(account_sid, auth_token), timeout=waits, follow_redirects=False)
        self.home = f"{api_url.rstrip('/')}/2010-04-01/Accounts/{account_sid}/Messages"
        self.url = f"{self.home}.json"

    async def create(self, form: Mapping[str, str]) -> str:
        """Have it sent, once, and return Twilio's id of it. Raises `Undeliverable`, `Unavailable` or `Ambiguous`."""
        response = await posted(self.client, "twilio", self.url, data=dict(form))
        if not response.is_success:
            raise failure(response)
        sid = fields(response).get("sid")
        if not isinstance(sid, str) or not sid.isalnum():
            raise Ambiguous("twilio's answer holds no sid")
        return sid

    async def sent(self, to: str, since: datetime, texts: frozenset[str]) -> list[str]:
        """Twilio's ids of what it took for this number since then with one of these texts, the earliest first.

        Raises `Unavailable`: until the list is there, nothing is known. The list is not asked for by `DateSent`, which
        a message that still waits at Twilio does not have.
        """
        try:
            response = await self.client.get(self.url, params={"To": to, "PageSize": str(LISTED_MAX)})
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Unavailable(f"twilio's list was not had ({type(error).__name__})") from None
        listed = fields(response).get("messages") if response.is_success else None
        if not isinstance(listed, list):
            raise Unavailable(f"twilio's list was not had (status {response.status_code})")
        recent = [item for item in listed if isinstance(item, dict) and created(item) >= since - SKEW]
        if len(recent) >= LISTED_MAX:
            raise Ambiguous(f"more than {LISTED_MAX} messages went to this number: a person has to look")
        ours = [item for item in recent if item.get("body") in texts and item.get("direction") != "inbound"]
        return [item["sid"] for item in sorted(ours, key=created)]

    async def fetch(self, url: str) -> bytes:
        """The bytes of a picture in one of our messages. Raises `Refused` where they are not to be had any more.

        Twilio passes on to wherever the file lies. Our key goes to Twilio only.
        """
        return await downloaded(self.client, "twilio", url, MEDIA_BYTES_MAX, follow_redirects=True)

    async def close(self) -> None:
        await self.client.aclose()


def created(item: Mapping[str, Any]) -> datetime:
    """Raises `Unavailable`: an item that cannot be dated may be the one that is looked for."""
    try:
        return parsedate_to_datetime(item["date_created"])
    except (KeyError, TypeError, ValueError):
        raise Unavailable("twilio's list holds a message without its date") from None


def failure(response: httpx.Response) -> DraadError:
    """What the answer means for whoever wants to try again. It never quotes their sentence, which names the number."""
    status, code = response.status_code, fields(response).get("code")
    code = code if isinstance(code, int) else status
    if status in LATER and status != SLOW:
        return Unavailable(f"twilio {code}")  # A wrong key is ours to mend: the message is good, and waits.
    if 400 <= status < BROKEN and status != SLOW:  # noqa: PLR2004  # The class of "your mistake" in HTTP.
        return Undeliverable(f"twilio {code}", reason(code))
    return Ambiguous(f"twilio {code}")


def reason(code: int) -> str:
    """Why it was not sent, or came back, in our words."""
    return REASONS.get(code) or (f"twilio-{code}" if 0 < code < 10**CODE_DIGITS_MAX else "unknown")


def fields(response: httpx.Response) -> dict[str, Any]:
    if len(response.content) > ANSWER_BYTES_MAX:
        return {}
    try:
        read = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
