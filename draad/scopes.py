"""What a token may be let in to: one table of words, and what each of them opens.

What is not in it takes the token that opens everything, or a session.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from draad.settings import Misconfigured
from services.klantinteracties.app import PREFIX
from services.zaken.door import PATH as NOTICES

EVERYTHING: Final = "everything"  # What only DRAAD_TOKEN opens. It is no scope: nobody gets it on a list.
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
API: Final = re.escape(PREFIX)


class Scope(NamedTuple):
    """One word, and the addresses it opens to these methods."""

    word: str
    methods: frozenset[str]
    path: re.Pattern[str]
    means: str


# The first that fits is the one that is needed. Whoever writes in an API does not therefore read there.
SCOPES: Final = (
    Scope("klantinteracties.read", frozenset({"POST"}), re.compile(rf"{API}/[^/]+/_zoek"), "the same"),
    Scope("klantinteracties.read", READS, re.compile(rf"{API}(/.*)?"), "read over the Klantinteracties API"),
    Scope("klantinteracties.write", WRITES, re.compile(rf"{API}(/.*)?"), "register, change and delete over it"),
    Scope("contacts.write", WRITES, re.compile(r"/v1/(contacts|conversations)(/.*)?"), "tell of contacts and answers"),
    Scope("parties.write", WRITES, re.compile(r"/v1/parties(/.*)?"), "register, link and merge who is who"),
    Scope("cases.write", WRITES, re.compile(r"/v1/cases(/.*)?"), "open cases, and tell where they stand"),
    Scope(
        "notices.write", frozenset({"POST"}), re.compile(NOTICES), "tell that a case changed, as Open Notificaties does"
    ),
    Scope("tasks.write", WRITES, re.compile(r"/v1/tasks(/.*)?"), "open tasks, and tell what came of them"),
    Scope(
        "appointments.read",
        READS,
        re.compile(r"/v1/(appointments(/hours)?|reminders)"),
        "see the appointments and the free hours of a day, and what reminders do",
    ),
    Scope(
        "appointments.write",
        WRITES,
        re.compile(r"/v1/appointments(/.*)?"),
        "book, change and call appointments, and say which hours are free",
    ),
    Scope(
        "records.read",
        READS,
        re.compile(
            r"/v1/((parties|cases|addresses|objects)/[^/]+/(timeline|stream)|work|timeline/stream"
            r"|notifications/[^/]+/proof)"
        ),
        "read stories and what waits; who looked is written down",
    ),
    Scope("records.read", frozenset({"POST"}), re.compile(r"/v1/search"), "the same"),
    Scope("quarantine.read", READS, re.compile(r"/v1/quarantine(/.*)?"), "see what nobody could read"),
    Scope("quarantine.write", WRITES, re.compile(r"/v1/quarantine(/.*)?"), "have it tried again, or discard it"),
    Scope("events.read", READS, re.compile(r"/v1/events"), "hear what happens, as it happens"),
    Scope("subscriptions.read", READS, re.compile(r"/v1/subscriptions(/.*)?"), "see who is told what by a webhook"),
    Scope("subscriptions.write", WRITES, re.compile(r"/v1/subscriptions(/.*)?"), "subscribe, unsubscribe, tell again"),
    Scope("reports.read", READS, re.compile(r"/v1/(reports|definitions)(/.*)?"), "see figures, and what they mean"),
    Scope("metrics.read", READS, re.compile(r"/metrics"), "scrape the figures"),
)
WORDS: Final[Mapping[str, str]] = {scope.word: scope.means for scope in reversed(SCOPES)}


def needed(method: str, path: str) -> str:
    """The scope that opens this; `EVERYTHING` where none does."""
    found = (scope.word for scope in SCOPES if method in scope.methods and scope.path.fullmatch(path))
    return next(found, EVERYTHING)


def chosen(given: Sequence[str]) -> tuple[str, ...]:
    """The scopes in what somebody wrote, with commas or spaces between them. Raises `Misconfigured`."""
    words = [word for text in given for word in text.replace(",", " ").split()]
    if not words or any(word not in WORDS for word in words):
        raise Misconfigured(f"--scope takes one or more of {', '.join(sorted(WORDS))}")
    return tuple(sorted(dict.fromkeys(words)))
