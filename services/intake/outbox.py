"""What agents write goes out in the order in which they wrote it to an address, and each of it once.

Whatever a road cannot take now is asked for again, at the times of `LADDER`, and what is written meanwhile waits behind
it. Whoever carries it says what came of it, and this says what is to be carried next. See decision 0009.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import asdict

from engine.processor import State, processor
from schemas.contact import ContactAnswered, ContactMade
from schemas.event import Event
from schemas.message import MessageFailed, MessagePostponed, MessageRequested, MessageSent, MessageUnknown
from schemas.timer import TimerCleared, TimerElapsed, TimerSet

NAME: Final = "intake.outbox"
TIMER: Final = f"{NAME}.again"
MINUTE: Final = timedelta(minutes=1)
LADDER: Final = (MINUTE / 4, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, *(60 * MINUTE,) * 8)  # Close to nine hours.
LETTERS_MAX: Final = 30  # That wait for one address, each of up to 15,000 characters.
KNOWN_MAX: Final = 200  # Of one address, that ended: none of them goes out again.
TOLD: Final = (  # By a program only.
    "notification_id",
    "until",
    "language",
    "calendar",
    "reply_to",
    "unsubscribe",
    "template",
    "values",
)


class Letter(State, frozen=True):
    """A message that has not ended."""

    message_id: str
    channel: str
    text: str
    written_at: datetime
    inbox: str = "main"
    address: str = ""
    title: str = ""
    thread_id: str = ""
    reply_to: str = ""
    notification_id: str = ""
    until: datetime | None = None
    language: str = "unknown"
    calendar: str = ""
    unsubscribe: str = ""
    template: str = ""
    values: tuple[str, ...] = ()
    tried: int = 0
    out: bool = False  # Somebody carries it, and has not said what came of it.


class Outbox(State, frozen=True):
    """What has not ended, in the order of writing; whether a timer runs; and the names of what ended."""

    letters: tuple[Letter, ...] = ()
    waiting: bool = False
    ended: tuple[str, ...] = ()


def post(
    known: Outbox,
    event: ContactAnswered
    | ContactMade
    | MessagePostponed
    | MessageSent
    | MessageFailed
    | MessageUnknown
    | TimerElapsed,
) -> tuple[Outbox, list[Event]]:
    match event:
        case ContactAnswered() | ContactMade():
            return written(known, event)
        case MessagePostponed(message_id=name):
            return postponed(known, event) if name in names(known) else (known, [])
        case MessageSent(message_id=name) | MessageFailed(message_id=name) | MessageUnknown(message_id=name):
            return ended(known, name, event.at, event.subject) if name in names(known) else (known, [])
        case TimerElapsed(at=at, about=about):
            return carried(known.but(waiting=False), at, about)


def written(known: Outbox, event: ContactAnswered | ContactMade) -> tuple[Outbox, list[Event]]:
    """What an agent wrote, if it is to be carried, and is not known."""
    if not event.message_id or not event.text or event.message_id in (*names(known), *known.ended):
        return known, []
    letter = Letter(
        message_id=event.message_id,
        channel=event.channel,
        text=event.text,
        written_at=event.at,
        inbox=event.inbox,
        address=event.address,
        title=event.title,
        thread_id=event.thread_id,
    )
    if len(known.letters) >= LETTERS_MAX:
        return known, [failed(letter, event.at, event.address_id, "too-many")]
    if isinstance(event, ContactAnswered):
        letter = letter.but(reply_to=event.reply_to)
    else:
        told = {name: getattr(event, name) for name in TOLD}
        letter = letter.but(**told)
    more = known.but(letters=(*known.letters, letter))
    return (more, []) if known.waiting else carried(more, event.at, event.subject)


def carried(known: Outbox, at: datetime, subject: str) -> tuple[Outbox, list[Event]]:
    """Ask that everything be carried which nobody carries yet. What waited until it is too late goes no more."""
    address = subject.removeprefix("address/")
    late = [letter for letter in known.letters if not letter.out and letter.until and letter.until <= at]
    requests: list[Event] = [
        MessageRequested(
            at=at,
            address_id=address,
            attempt=letter.tried + 1,
            **{name: value for name, value in asdict(letter).items() if name not in {"tried", "out"}},
        )
        for letter in known.letters
        if not letter.out and letter not in late
    ]
    for letter in late:
        known = gone(known, letter.message_id)
        requests.append(failed(letter, at, address, "too-late"))
    letters = tuple(letter.but(out=True) for letter in known.letters)
    return known.but(letters=letters), requests


def failed(letter: Letter, at: datetime, address: str, reason: str) -> MessageFailed:
    return MessageFailed(at=at, message_id=letter.message_id, address_id=address, channel=letter.channel, reason=reason)


def postponed(known: Outbox, event: MessagePostponed) -> tuple[Outbox, list[Event]]:
    """Ask again later; or, at the end of the ladder or where it would be too late, never again."""
    letter = next(each for each in known.letters if each.message_id == event.message_id)
    spent = letter.tried >= len(LADDER)
    if spent or (letter.until and event.at + LADDER[letter.tried] >= letter.until):
        after, outcomes = ended(known, letter.message_id, event.at, event.subject)
        return after, [failed(letter, event.at, event.address_id, "unreachable" if spent else "too-late"), *outcomes]
    back = letter.but(tried=letter.tried + 1, out=False)
    letters = tuple(back if each is letter else each for each in known.letters)
    after = known.but(letters=letters, waiting=True)
    if known.waiting:
        return after, []
    return after, [TimerSet(at=event.at, about=event.subject, name=TIMER, due=event.at + LADDER[letter.tried])]


def ended(known: Outbox, name: str, at: datetime, subject: str) -> tuple[Outbox, list[Event]]:
    """It goes out no more. Where nothing is left that waits, no timer needs to run."""
    after = gone(known, name)
    idle = known.waiting and all(letter.out for letter in after.letters)
    return after.but(waiting=known.waiting and not idle), [
        TimerCleared(at=at, about=subject, name=TIMER)
    ] if idle else []


def gone(known: Outbox, name: str) -> Outbox:
    letters = tuple(letter for letter in known.letters if letter.message_id != name)
    return known.but(letters=letters, ended=(*known.ended, name)[-KNOWN_MAX:])


def names(known: Outbox) -> Sequence[str]:
    return [letter.message_id for letter in known.letters]


outbox = processor(NAME, post)
