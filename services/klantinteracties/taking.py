"""Taking over what another register of this API holds: each card under the name that it has there, and once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from services.klantinteracties.every import EVERY
from services.klantinteracties.fields import Doc
from services.klantinteracties.writing import Taken, Write

# Whoever is named by others comes before them.
ORDER: Final = (
    "actoren",
    "categorieen",
    "partijen",
    "partij-identificatoren",
    "klantcontacten",
    "betrokkenen",
    "digitaleadressen",
    "rekeningnummers",
    "onderwerpobjecten",
    "bijlagen",
    "internetaken",
    "actorklantcontacten",
    "categorie-relaties",
    "vertegenwoordigingen",
)
# What names a card that comes later, or says the same twice.
PREFERRED: Final = ("voorkeursDigitaalAdres", "voorkeursRekeningnummer")
LEFT: Final[Mapping[str, tuple[str, ...]]] = {"partijen": PREFERRED, "internetaken": ("toegewezenAanActor",)}
UNTOLD: Final = tuple((None, one.variant[0]) for one in EVERY.values() if one.variant)
MOMENTS: Final = {"klantcontacten": "plaatsgevondenOp", "internetaken": "toegewezenOp"}


async def take(write: Write, given: Doc) -> tuple[int, int]:
    """Write those that are not here yet: so many are written, and so many were here. Faults are in the reading."""
    assert set(ORDER) == EVERY.keys(), "every kind has its place"
    taken = known = 0
    for kind in ORDER:
        cards = listed(write, kind, given.get(kind))
        names = [name_of(card) for card in cards]
        there = await write.asking.named([name for name in names if name])
        for nth, (name, card) in enumerate(zip(names, cards, strict=True)):
            at = f"{kind}.{nth}."
            if not name:
                write.reading.fault(f"{at}uuid", "invalid", "Geen geldige UUID.")
            elif row := there.get(name) or write.fresh.get(name):
                known += 1
                if row["kind"] != kind:
                    write.reading.fault(f"{at}uuid", "unique", "Deze naam heeft hier iets anders.")
            else:
                await write.put(
                    EVERY[kind], None, own(kind, card), at=at, taken=Taken(name, since(card, kind) or write.now)
                )
                taken += 1
    return taken, known


def listed(write: Write, kind: str, given: Any) -> list[Any]:  # noqa: ANN401  # Whatever was sent.
    if given is not None and not isinstance(given, list):
        write.reading.fault(kind, "not_a_list", "Verwacht een lijst van items.")
        return []
    return given or []


def name_of(card: Any) -> str:  # noqa: ANN401  # As above.
    try:
        return str(UUID(card["uuid"]))
    except (ValueError, TypeError, AttributeError, KeyError):
        return ""


def own(kind: str, card: Doc) -> Doc:
    """Without what others say better, and without a null where nobody told who it is: it may not be written."""
    left = LEFT.get(kind, ())
    return {name: value for name, value in card.items() if name not in left and (value, name) not in UNTOLD}


def since(card: Doc, kind: str) -> datetime | None:
    """When it came to be, where it says so."""
    try:
        found = datetime.fromisoformat(card[MOMENTS[kind]])
    except (KeyError, ValueError, TypeError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
