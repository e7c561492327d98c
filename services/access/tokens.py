"""How each token stands: whose it is, to what and until when, whether it was revoked, and when it was last used."""

from typing import Final

from msgspec.structs import asdict
from sqlalchemy import Column, MetaData, Table, Text

from engine.processor import Put, State, register
from engine.work import stamp
from schemas.event import Envelope
from schemas.token import TokenIssued, TokenRevoked, TokenUsed

table: Final = Table(
    "token",
    MetaData(),
    Column("token_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # With a space between them.
    Column("due", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("issued_at", Text, nullable=False),
    Column("revoked_at", Text, nullable=False),  # Empty: it was not.
    Column("used_at", Text, nullable=False),  # On the last day on which it was; empty: never.
)


class Held(State, frozen=True):
    """One token, as its row has it."""

    name: str = ""
    scopes: str = ""
    due: str = ""
    digest: str = ""
    issued_at: str = ""
    revoked_at: str = ""
    used_at: str = ""


def stand(held: Held, event: TokenIssued | TokenRevoked | TokenUsed, _cause: Envelope) -> tuple[Held, list[Put]]:
    match event:
        case TokenIssued():
            said = {"name": event.name, "scopes": " ".join(event.scopes), "due": stamp(event.due)}
            said |= {"digest": event.digest, "issued_at": stamp(event.at)}
        case TokenRevoked():
            said = {"revoked_at": held.revoked_at or stamp(event.at)}
        case TokenUsed():
            said = {"used_at": max(held.used_at, stamp(event.at))}
    after = held.but(**said)
    return after, [Put({"token_id": event.token_id, **asdict(after)})]


tokens: Final = register("access.tokens", table, stand)
