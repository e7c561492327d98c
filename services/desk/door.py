"""The door of the desk: a link that opens it once, and the session that keeps it open for a working day.

Both are signed, so that a session outlives a restart; a session says whose it is and what they may. What was used or
ended is remembered for as long as it could be used again; a link from before this start is not believed, so that none
can be used twice.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

LINK_AGE_MAX: Final = timedelta(hours=12)
SESSION_AGE_MAX: Final = timedelta(hours=12)
SIGNATURE_CHARS: Final = 40  # 160 bits: that is what makes it unguessable.
MADE_CHARS: Final = 14 + 8
MORE_CHARS_MAX: Final = 300
AGENT: Final = "agent"
LEAD: Final = "team-lead"  # Who may also merge, discard, and see who looked.
ROLES: Final = (AGENT, LEAD)
LOCAL: Final = "local"  # Whoever came in with a link: who could read the key may do everything.

Clock = Callable[[], datetime]


class Session(NamedTuple):
    """Who is at the desk."""

    agent_id: str
    role: str
    csrf: str  # What a form of theirs must bring along: no other site can know it.

    @property
    def leads(self) -> bool:
        return self.role == LEAD


def link(key: bytes, now: datetime) -> str:
    """The secret part of a fresh link."""
    return signed(key, "link", now)


def signed(key: bytes, kind: str, now: datetime, more: str = "") -> str:
    """When it was made, something that never comes twice, what more it says, and a signature: hexadecimal digits."""
    made = int(now.timestamp() * 1_000_000)
    body = f"{made:014x}{secrets.token_hex(4)}{more.encode().hex()}"
    return body + signature(key, kind, body)


def signature(key: bytes, kind: str, body: str) -> str:
    return hmac.new(key, f"{kind} {body}".encode(), hashlib.sha256).hexdigest()[:SIGNATURE_CHARS]


def made_at(key: bytes, kind: str, token: str) -> datetime | None:
    """When we made it; nothing if we did not."""
    body = token[:-SIGNATURE_CHARS]
    if not MADE_CHARS <= len(body) <= MADE_CHARS + MORE_CHARS_MAX or not token.isascii():
        return None
    if not hmac.compare_digest(signature(key, kind, body), token[-SIGNATURE_CHARS:]):
        return None
    return datetime.fromtimestamp(int(body[:14], 16) / 1_000_000, UTC)


class Door:
    """Who may come in."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._key, self._clock = key, clock
        self._opened = clock()
        self._gone: dict[str, datetime] = {}  # Used links and ended sessions, and when they were made.

    def link(self) -> str:
        return link(self._key, self._clock())

    def welcomes(self, token: str) -> bool:
        """Whether this link would open the door. Looking does not use it up."""
        made = made_at(self._key, "link", token)
        return (
            made is not None
            and token not in self._gone
            and self._opened <= made
            and self._clock() - made < LINK_AGE_MAX
        )

    def enter(self, token: str) -> str | None:
        """Use a link up. Returns the session that it opens, if it does."""
        if not self.welcomes(token):
            return None
        self._forget(token)
        return self.admit(LOCAL, LEAD)

    def admit(self, agent_id: str, role: str) -> str:
        """A session of this agent, whom somebody else vouched for."""
        assert role in ROLES, "a role that the desk knows"
        return signed(self._key, "session", self._clock(), f"{role} {agent_id}")

    def knows(self, session: str) -> bool:
        return self.whose(session) is not None

    def whose(self, session: str) -> Session | None:
        """Who came in with it, while it lasts."""
        made = made_at(self._key, "session", session)
        if made is None or session in self._gone or self._clock() - made >= SESSION_AGE_MAX:
            return None
        role, _, agent = bytes.fromhex(session[MADE_CHARS:-SIGNATURE_CHARS]).decode().partition(" ")
        if role not in ROLES:
            return None  # Of a Draad from before there were roles.
        return Session(agent, role, signature(self._key, "form", session))

    def leave(self, session: str) -> None:
        if self.knows(session):
            self._forget(session)

    def _forget(self, token: str) -> None:
        now = self._clock()
        oldest = now - max(LINK_AGE_MAX, SESSION_AGE_MAX)
        self._gone = {gone: made for gone, made in self._gone.items() if made > oldest}
        self._gone[token] = now
