"""The dossier of one notification: what set it off, in which words it left, each attempt, and what was heard of it.

Each entry names the hash of the one before it. So of a dossier that somebody kept, nothing can be changed, left out or
put in between without its being seen, and the same one can be made again from the log. It holds pseudonyms and hashes,
and no word and no address of a resident.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from schemas.event import Envelope
from schemas.notification import (
    NotificationBounced,
    NotificationDelivered,
    NotificationDue,
    NotificationFailed,
    NotificationSent,
    NotificationUnknown,
    NotificationWithheld,
)

FORM: Final = "draad-proof-1"
HOW: Final = "Each hash is SHA-256 of the entry without it, as UTF-8 JSON with sorted keys and without spaces."
START: Final = "0" * 64
TOLD: Final = (
    "about", "template", "language", "until", "version", "status", "why", "channel", "address_id", "message_id",
    "text_digest", "words_digest", "reference", "reason",
)  # fmt: skip
DELIVERED, OFFERED, UNKNOWN, LOST = "afgeleverd", "aangeboden", "onbekend", "niet afgeleverd"
LEVELS: Final = {
    NotificationSent.type: OFFERED,
    NotificationDelivered.type: DELIVERED,
    NotificationBounced.type: LOST,
    NotificationFailed.type: LOST,
    NotificationUnknown.type: UNKNOWN,
}
OPEN, WITHHELD = "nog niet aangeboden", "niet verstuurd"
IN_ONE: Final = (UNKNOWN, OFFERED, LOST, DELIVERED)  # What is said of one attempt only climbs;
OF_ALL: Final = (LOST, UNKNOWN, OFFERED, DELIVERED)  # of several, the one that came furthest counts.


def dossier(notification_id: str, facts: Sequence[Envelope]) -> dict[str, Any]:
    """The facts are those of this notification, in the order of the log; what was wanted comes first."""
    entries: list[dict[str, Any]] = []
    head = START
    for nth, envelope in enumerate(facts, start=1):
        entry = {"nth": nth, "prev": head, **told(envelope, "trigger_id" if nth == 1 else "cause_id")}
        head = hashed(entry)
        entries.append(entry | {"hash": head})
    return {
        "form": FORM,
        "how": HOW,
        "notification_id": notification_id,
        "level": level(entries),
        "entries": entries,
        "head": head,
    }


def told(envelope: Envelope, cause: str) -> dict[str, Any]:
    """What may be known of it by whoever holds the dossier. The fact that it follows from is called its `cause`."""
    said = json.loads(envelope.data)
    entry = {"type": envelope.type, "fact_id": envelope.id, "at": said["at"], "recorded_at": envelope.time}
    entry |= {name: said[name] for name in TOLD if name in said}
    if routes := said.get("routes"):
        entry["routes"] = [{"channel": one["channel"], "address_id": one["address_id"]} for one in routes]
    if envelope.cause:
        entry[cause] = envelope.cause
    if envelope.type in LEVELS:
        entry["level"] = LEVELS[envelope.type]
    return entry


def level(entries: Sequence[Mapping[str, Any]]) -> str:
    """How far it surely came."""
    attempts: dict[tuple[str, int], str] = {}
    tried: Counter[str] = Counter()
    for entry in entries:
        if entry["type"] == NotificationDue.type:
            tried[entry["channel"]] += 1
        elif entry["type"] in LEVELS:
            attempt = (entry["channel"], tried[entry["channel"]])
            attempts[attempt] = max(attempts.get(attempt, UNKNOWN), LEVELS[entry["type"]], key=IN_ONE.index)
    reached = max(attempts.values(), key=OF_ALL.index, default=OPEN)
    withheld = any(entry["type"] == NotificationWithheld.type for entry in entries)
    return WITHHELD if withheld and reached in {OPEN, LOST} else reached


def hashed(entry: Mapping[str, Any]) -> str:
    bare = {name: value for name, value in entry.items() if name != "hash"}
    return sha256(json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def fault(kept: Any) -> str:  # noqa: ANN401  # Whatever somebody kept.
    """What is wrong with a dossier, in a sentence; empty where nothing is."""
    try:
        if kept["form"] != FORM:
            return "it is of a form that this Draad does not know"
        head = START
        for nth, entry in enumerate(kept["entries"], start=1):
            if (entry["nth"], entry["prev"]) != (nth, head):
                return f"entry {nth} does not follow the one before it"
            head = hashed(entry)
            if entry["hash"] != head:
                return f"entry {nth} is not as it was"
        if kept["head"] != head:
            return "its end is not as it was"
        return "" if kept["level"] == level(kept["entries"]) else "its level is not what its entries say"
    except (KeyError, TypeError, ValueError, AttributeError):
        return "it is no dossier"
