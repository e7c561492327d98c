"""What they chose for one kind of message, and how each kind is called where they choose."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from schemas.kinds import KINDS, OFF, OPTIONAL, USUAL
from services.resident.known import Row
from services.resident.told_words import BY

LIKE_ALL: Final = "usual"  # As it is called where it is chosen.
ROADS: Final = ("email", "sms", "phone", "letter")

CALLED: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "nl": {
        "appointments": ("Uw afspraken", "Of een afspraak vaststaat, is verzet of niet doorgaat."),
        "reminders": ("Herinneringen", "Kort voor uw afspraak."),
        "progress": ("Voortgang", "Als wij een stap verder zijn met uw zaak."),
        "opinions": ("Uw mening", "Na contact of een zaak vragen wij wat u vindt. Meedoen is vrijwillig."),
        "cases": ("Uw zaken", "Dat wij begonnen zijn, wanneer wij klaar zijn, en wat eruit kwam."),
    },
    "en": {
        "appointments": ("Your appointments", "Whether an appointment is made, moved or cancelled."),
        "reminders": ("Reminders", "Shortly before your appointment."),
        "progress": ("Progress", "When we have taken another step in your case."),
        "opinions": ("Your opinion", "After contact or a case we ask what you think. Taking part is voluntary."),
        "cases": ("Your cases", "That we started, when we will finish, and what came of it."),
    },
}
CHOICES: Final[Mapping[str, Mapping[str, str]]] = {
    "nl": {LIKE_ALL: "Zoals hierboven", OFF: "Niet", **{road: BY["nl"][road].capitalize() for road in ROADS}},
    "en": {LIKE_ALL: "As above", OFF: "Not at all", **{road: BY["en"][road].capitalize() for road in ROADS}},
}
CHOSEN: Final[Mapping[str, tuple[str, str]]] = {
    "nl": ("{kind}: {road}. Dat koos u.", "{kind}: niet. Dat koos u."),
    "en": ("{kind}: {road}. You chose so.", "{kind}: not at all. You chose so."),
}


class Kind(NamedTuple):
    """One kind, as it is chosen for: `chosen` is the name of one of its choices."""

    name: str
    title: str
    hint: str
    choices: Sequence[tuple[str, str]]
    chosen: str


def kinds(rows: Sequence[Row]) -> Mapping[str, str]:
    """The channel that they prefer for each kind that they chose for; or off."""
    said = (row for row in rows if row["type"] == "party.kind-preferred" and row["word"] in KINDS)
    chosen = {row["word"]: row["channel"] for row in said}
    return {kind: channel for kind, channel in chosen.items() if channel != USUAL}


def choices(kind: str) -> Sequence[str]:
    return (LIKE_ALL, *ROADS, *((OFF,) if kind in OPTIONAL else ()))


def asked(standing: Mapping[str, str], language: str) -> Sequence[Kind]:
    """Every kind, with what stands."""
    words = CHOICES[language]
    return [
        Kind(
            name,
            *CALLED[language][name],
            [(choice, words[choice]) for choice in choices(name)],
            standing.get(name, LIKE_ALL),
        )
        for name in KINDS
    ]


def why(standing: Mapping[str, str], language: str) -> Sequence[str]:
    """A sentence for each kind that is not told as all else is."""
    by_road, off = CHOSEN[language]
    return [
        (off if channel == OFF else by_road).format(
            kind=CALLED[language][kind][0], road=BY[language].get(channel, channel)
        )
        for kind, channel in standing.items()
    ]
