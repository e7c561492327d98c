"""Token: what lets a program in. The secret stands on no log: only a keyed hash of it does."""

from typing import Annotated, ClassVar

from schemas.event import NONE, Digest, Event, Id, When, Word


class Token(Event):
    """What the facts about a token share. `token_id` is how it begins, which opens nothing."""

    token_id: Id

    @property
    def subject(self) -> str:
        return f"token/{self.token_id}"


class TokenIssued(Token):
    """Whoever brings what hashes to `digest` may do what `scopes` say, until `due`; `name` is of that program."""

    type: ClassVar[str] = "token.issued"

    name: Word
    scopes: Annotated[tuple[Word, ...], NONE]
    due: When
    digest: Digest


class TokenRevoked(Token):
    """It lets nobody in any more."""

    type: ClassVar[str] = "token.revoked"


class TokenUsed(Token):
    """It let somebody in on the day of `at`: said once a day."""

    type: ClassVar[str] = "token.used"


class TokenRefused(Token):
    """It let nobody in where `scope` was asked for; `why` is expired, revoked or scope. Said once an hour."""

    type: ClassVar[str] = "token.refused"

    name: Word
    why: Word
    scope: Word = "everything"
