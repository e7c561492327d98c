"""Every resource there is, by its kind; and the text of a card as it is served."""

import json
from collections.abc import Mapping
from typing import Any, Final

from msgspec.json import Encoder

from services.klantinteracties.actoren import actoren, actorklantcontacten
from services.klantinteracties.betrokkenen import betrokkenen
from services.klantinteracties.digitaleadressen import digitaleadressen
from services.klantinteracties.fields import Doc, Field, Group, Link, Several
from services.klantinteracties.internetaken import internetaken
from services.klantinteracties.klantcontacten import klantcontacten
from services.klantinteracties.numbers import partij_identificatoren
from services.klantinteracties.onderwerpobjecten import onderwerpobjecten
from services.klantinteracties.partijen import partijen
from services.klantinteracties.resource import Resource
from services.klantinteracties.rest import (
    bijlagen,
    categorie_relaties,
    categorieen,
    rekeningnummers,
    vertegenwoordigingen,
)

EVERY: Final[Mapping[str, Resource]] = {
    one.kind: one
    for one in (
        klantcontacten,
        betrokkenen,
        digitaleadressen,
        onderwerpobjecten,
        partijen,
        partij_identificatoren,
        internetaken,
        actoren,
        actorklantcontacten,
        bijlagen,
        categorieen,
        categorie_relaties,
        rekeningnummers,
        vertegenwoordigingen,
    )
}
LINKED: Final[Mapping[str, Mapping[str, Field]]] = {
    kind: {one.name: one for one in resource.fields if one.linked} for kind, resource in EVERY.items()
}
BASE: Final = "\x01"  # Where the address of this API goes. Text in JSON holds no such sign.


spelled: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # Also what is no text, or not yet.
encoder: Final = Encoder()


def compact(value: Any) -> str:  # noqa: ANN401  # Whatever a card holds.
    """As JSON, of what has been read and is text."""
    return encoder.encode(value).decode()


def linked(kind: str, uuid: str) -> str:
    return f'{{"uuid":"{uuid}","url":"{BASE}{kind}/{uuid}"}}'


def served(resource: Resource, uuid: str, doc: Doc) -> str:
    """The card as it is answered, but for what belongs to it and the brace at its end."""
    head = f'{{"uuid":"{uuid}","url":"{BASE}{resource.kind}/{uuid}"'
    linked_here = LINKED[resource.kind]
    if resource.variant and (group := resource.variant[2][doc[resource.variant[1]]]).linked:
        linked_here = {**linked_here, resource.variant[0]: group}
    plain = {name: value for name, value in doc.items() if name not in linked_here}
    told = linked_here.items()
    links = [f'"{name}":{text_of(f, doc.get(name))}' for name, f in told if name != resource.later or doc.get(name)]
    return ",".join([head, *filter(None, [compact(plain)[1:-1]]), *links])


def text_of(field: Field, value: Any) -> str:  # noqa: ANN401  # As the field holds it.
    match field, value:
        case _, None:
            return "null"
        case Link(), _:
            return linked(field.kind, value["uuid"])
        case Several(), _:
            return f"[{','.join(text_of(field.each, one) for one in value)}]"
        case Group(), _ if field.linked:
            known = {one.name: one for one in field.fields}
            every = (
                f'"{name}":{text_of(known[name], one) if name in known else compact(one)}'
                for name, one in value.items()
            )
            return f"{{{','.join(every)}}}"
    return compact(value)
