"""HTTP in: parse, append, answer. It answers only after the fact is durable."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import ValidationError

from channels.address import address as address_of
from channels.bsn import flagged
from channels.repeat import KEY_PARAMETER, named
from engine.engine import Engine
from schemas.contact import ContactAnswered, ContactIdentified, ContactNoted, ContactReceived
from schemas.errors import Refused
from schemas.event import Event, fact, faults
from schemas.reading import posted
from services.intake.body import Kept, NewAnswer, NewContact, described, moment

ROOM: Final = "intake"


def documented(model: type[NewContact | NewAnswer]) -> dict[str, Any]:
    return {"parameters": [KEY_PARAMETER], "requestBody": described(model)}


def router(engine: Engine, pepper: bytes, clock: Callable[[], datetime]) -> APIRouter:
    routes = APIRouter(prefix="/v1/contacts", tags=["contacts"])

    @routes.post("", status_code=201, summary="Register a contact", openapi_extra=documented(NewContact))
    async def register(request: Request) -> Kept:
        """Somebody reached us. 201 means that the fact is durable; 503 that nobody knows: send it again as it was."""
        raw = await request.body()
        body = posted(NewContact, raw)
        contact = named(request.headers, ROOM, "contact", body.model_dump_json(), pepper)
        given = address_of(body.address.kind, body.address.value) if body.address else None
        address = given.pseudonym(pepper) if given else f"unknown.{contact}"
        event = ContactReceived(
            at=moment(body.at, clock()),
            contact_id=contact,
            address_id=address,
            channel=body.channel,
            text=body.text,
            kind=given.kind if given else "unknown",
            address=given.value if given else "",
            title=body.title,
            product=body.product,
            language=body.language,
            flags=flagged(body.text),
        )
        facts = [event, *by_hand(body, event)]
        await engine.append(*(fact(one, key=contact) for one in facts))
        return Kept(contact_id=contact, address_id=address)

    @routes.post(
        "/{contact_id}/answers", status_code=201, summary="Answer a contact", openapi_extra=documented(NewAnswer)
    )
    async def answer(contact_id: str, request: Request) -> Kept:
        """An agent answered this contact."""
        raw = await request.body()
        body = posted(NewAnswer, raw)
        key = named(request.headers, ROOM, f"answer {contact_id}", body.model_dump_json(), pepper)
        try:
            event = ContactAnswered(
                at=moment(body.at, clock()),
                contact_id=contact_id,
                address_id=body.address_id,
                agent_id=body.agent_id,
                text=body.text,
            )
        except ValidationError as error:
            raise Refused(f"the address of this page is wrong in {faults(error)}") from None
        await engine.append(fact(event, key=key))
        return Kept(contact_id=contact_id, address_id=body.address_id)

    return routes


def by_hand(body: NewContact, event: ContactReceived) -> list[Event]:
    """What the agent who registered it wrote down, and whose it was."""
    if body.agent_id is None:
        return []
    on: dict[str, Any] = {"contact_id": event.contact_id, "address_id": event.address_id, "agent_id": body.agent_id}
    said: list[Event] = []
    if body.note or body.result != "unknown":
        note: dict[str, Any] = {"text": body.note, "result": body.result, "product": body.product}
        said.append(ContactNoted(at=event.at, **on, **note))
    if body.party_id:
        said.append(ContactIdentified(at=event.at, **on, party_id=body.party_id, certainty="certain", how="agent"))
    return said
