"""HTTP in for subscribers: who is told what by a webhook, what did not reach them, and telling it again."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Select, Table, and_, or_, select

from channels.repeat import KEY_PARAMETER
from channels.repeat import named as told_as
from engine.ask import Row, ask, caught_up
from engine.cluster import read_by
from engine.engine import Engine
from engine.processor import courier
from engine.values import number, text
from schemas.errors import Refused, Unavailable
from schemas.event import Id, Word, fact
from schemas.reading import no_bsn, posted
from schemas.subscription import (
    AboutPrefix,
    Place,
    Prefix,
    SubscriptionEnded,
    SubscriptionMade,
    SubscriptionOwed,
    SubscriptionSecretSet,
)
from services.status.book import LOOK_S, Subscriber, every
from services.status.hooks import OWING
from services.status.outside import URL_CHARS_MAX, Outside
from services.status.public import EVENTS, PUBLIC, begins
from services.status.signing import Signer, read, written
from services.status.subscriptions import subscriptions
from services.status.undelivered import undelivered

SUBSCRIPTIONS_MAX: Final = 50  # That have not ended.
REPLAY_MAX: Final = 100
PAGE_MAX: Final = 100
SEEN_S_MAX: Final = 10.0
ROOM: Final = "status"
UNSEEN: Final = "it is written down, and not seen everywhere yet: send it again as it was"
ENDED: Final = "this subscription has ended: make another"


class Posted(BaseModel):
    """A request says nothing that we do not know: a misspelt field must not vanish."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


class NewSubscription(Posted):
    """Who wants to hear what, and where."""

    name: Annotated[Word, Field(examples=["zaaksysteem"])]
    url: Annotated[
        str, AfterValidator(no_bsn), Field(max_length=URL_CHARS_MAX, examples=["https://zaken.example.nl/draad"])
    ]
    types: Annotated[tuple[Prefix, ...], Field(min_length=1, max_length=50, examples=[["case.", "task.done"]])]
    about: Annotated[AboutPrefix, AfterValidator(no_bsn), Field(examples=["case/"])] = ""
    secret: Annotated[str, Field(max_length=200)] | None = None


class NewSecret(Posted):
    """Another secret; without one, we make it."""

    secret: Annotated[str, Field(max_length=200)] | None = None


class Replay(Posted):
    """What is to be told again. Without `event_ids`: all of it, the oldest hundred first."""

    event_ids: Annotated[tuple[Id, ...], Field(max_length=REPLAY_MAX)] = ()


class Secret(BaseModel):
    """The only answer that shows a secret: keep it."""

    subscription_id: str
    secret: str


class Shown(BaseModel):
    """A subscription as it stands. `ended_at` is empty as long as it goes on."""

    subscription_id: str
    name: str
    url: str
    types: list[str]
    about: str
    made_at: str
    ended_at: str
    reason: str


class Subscriptions(BaseModel):
    """The oldest first. `next` is the `after` of the next page; empty on the last."""

    items: list[Shown]
    next: str = ""


class Missed(BaseModel):
    """An event that was not taken. What it says is not shown here."""

    event_id: str
    type: str
    subject: str
    reason: str
    owed_at: str
    failed_at: str


class Undelivered(BaseModel):
    """The oldest first. `next` is the `after` of the next page; empty on the last."""

    items: list[Missed]
    next: str = ""


class Replayed(BaseModel):
    """So many are told again. There is `more` than one request takes."""

    replayed: int
    more: bool


class Subscribing:
    """All that the addresses below do."""

    def __init__(self, engine: Engine, signer: Signer, outside: Outside, clock: Callable[[], datetime]) -> None:
        self._engine, self._signer, self._outside, self._clock = engine, signer, outside, clock

    async def every(self) -> Sequence[Subscriber]:
        return await every(self._engine)

    async def make(self, body: NewSubscription, name: str) -> Secret:
        if not any(begins(kind, prefix) for kind in PUBLIC for prefix in body.types):
            raise Refused("types names no type that others may hear of: docs/subscribers.md has them")
        await self._outside.checked(body.url)
        live = [one for one in await self.every() if not one.ended_at and one.subscription_id != name]
        if len(live) >= SUBSCRIPTIONS_MAX:
            raise Refused(f"there are {SUBSCRIPTIONS_MAX} subscriptions already: end one that nobody needs")
        secret = read(body.secret) if body.secret is not None else self._signer.made(name)
        made = SubscriptionMade(
            at=self._clock(),
            subscription_id=name,
            **body.model_dump(exclude={"secret"}),
            sealed=self._signer.seal(secret, name),
            places=await self._places(),
        )
        await self._engine.append(fact(made, key=name))
        await self._seen()
        return Secret(subscription_id=name, secret=written(secret))

    async def set_secret(self, subscription_id: str, body: NewSecret, name: str) -> Secret:
        await self.live(subscription_id)
        secret = read(body.secret) if body.secret is not None else self._signer.made(name)
        sealed = self._signer.seal(secret, subscription_id)
        event = SubscriptionSecretSet(at=self._clock(), subscription_id=subscription_id, sealed=sealed)
        await self._engine.append(fact(event, key=name))
        return Secret(subscription_id=subscription_id, secret=written(secret))

    async def end(self, subscription_id: str) -> None:
        await self.known(subscription_id)
        ended = SubscriptionEnded(at=self._clock(), subscription_id=subscription_id, reason="asked")
        await self._engine.append(fact(ended, key="asked"))
        await self._seen()

    async def missed(self, subscription_id: str, after: str, limit: int) -> Sequence[Row]:
        failed_at, _, event_id = after.partition("/")
        values = {"subscription": subscription_id, "failed_at": failed_at, "event": event_id, "most": limit}
        return await ask(self._engine, oldest, [undelivered], (), values)

    async def replay(self, subscription_id: str, body: Replay, name: str) -> Replayed:
        await self.live(subscription_id)
        rows = await self.missed(subscription_id, "", REPLAY_MAX + 1)
        if body.event_ids:
            values = {"subscription": subscription_id}
            values |= {f"event_{nth}": event for nth, event in enumerate(body.event_ids)}
            rows = await ask(self._engine, named, [undelivered], (len(body.event_ids),), values)
        events = [
            SubscriptionOwed(
                at=self._clock(),
                subscription_id=subscription_id,
                **{name: row[name] for name in ("about", "event_id", "kind", "body")},
            )
            for row in rows[:REPLAY_MAX]
        ]
        await self._engine.append(*(fact(event, key=f"{name} {event.event_id}") for event in events))
        return Replayed(replayed=len(events), more=len(rows) > REPLAY_MAX)

    async def known(self, subscription_id: str) -> Subscriber:
        """Answers 404 where there is none."""
        found = [one for one in await self.every() if one.subscription_id == subscription_id]
        if not found:
            raise HTTPException(404)
        return found[0]

    async def live(self, subscription_id: str) -> Subscriber:
        found = await self.known(subscription_id)
        if found.ended_at:
            raise Refused(ENDED)
        return found

    async def _places(self) -> tuple[Place, ...]:
        """How far the log is now, where there is anything to hear."""
        await self._engine.store.carried()  # What was acknowledged here counts as before.
        ends = await self._engine.ends()
        where = read_by([courier(OWING, *EVENTS)], [*ends])
        return tuple(Place(partition=name, position=ends[name]) for name in where if ends[name])

    async def _seen(self) -> None:
        """Wait until every machine knows of it. Raises `Unavailable`."""
        try:
            async with asyncio.timeout(SEEN_S_MAX):
                await caught_up(self._engine, subscriptions.name)
                await asyncio.sleep(1.2 * LOOK_S)  # They look that often.
        except TimeoutError:
            raise Unavailable(UNSEEN) from None


def router(engine: Engine, signer: Signer, outside: Outside, key: bytes, clock: Callable[[], datetime]) -> APIRouter:
    routes = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])
    asked = Subscribing(engine, signer, outside, clock)
    reading(routes, asked)

    @routes.post("", status_code=201, summary="Subscribe", openapi_extra=documented(NewSubscription))
    async def subscribe(request: Request) -> Secret:
        """From the answer on, you are told what happens. 503 means that nobody knows: send it again as it was."""
        body, name = await told(request, NewSubscription, "subscribe", key)
        return await asked.make(body, name)

    @routes.post(
        "/{subscription_id}/secret", status_code=201, summary="Take another secret", openapi_extra=documented(NewSecret)
    )
    async def secret(subscription_id: str, request: Request) -> Secret:
        """For a day you get both signatures, that of the secret before as well."""
        body, name = await told(request, NewSecret, f"secret {subscription_id}", key)
        return await asked.set_secret(subscription_id, body, name)

    @routes.delete("/{subscription_id}", status_code=204, summary="Unsubscribe")
    async def unsubscribe(subscription_id: str) -> Response:
        """You are told nothing any more, neither what you were owed. Done twice it is done once."""
        await asked.end(subscription_id)
        return Response(status_code=204)

    @routes.post(
        "/{subscription_id}/replay",
        status_code=201,
        summary="Be told again what did not reach you",
        openapi_extra=documented(Replay),
    )
    async def replay(subscription_id: str, request: Request) -> Replayed:
        """It comes after whatever you were told meanwhile, under the webhook-id that it had."""
        body, name = await told(request, Replay, f"replay {subscription_id}", key)
        return await asked.replay(subscription_id, body, name)

    return routes


def reading(routes: APIRouter, asked: Subscribing) -> None:
    """What changes nothing."""

    @routes.get("", summary="List who is told what")
    async def listed(
        after: Annotated[str, Query(pattern=r"^[A-Za-z0-9._~-]*$", max_length=120)] = "",
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Subscriptions:
        found = await asked.every()
        ids = [one.subscription_id for one in found]
        begin = ids.index(after) + 1 if after in ids else 0
        page = [shown(one) for one in found[begin : begin + limit]]
        return Subscriptions(items=page, next=page[-1].subscription_id if begin + limit < len(found) else "")

    @routes.get("/{subscription_id}", summary="See one subscription")
    async def one(subscription_id: str) -> Shown:
        return shown(await asked.known(subscription_id))

    @routes.get("/{subscription_id}/undelivered", summary="List what did not reach a subscriber")
    async def missed(
        subscription_id: str,
        after: Annotated[str, Query(pattern=r"^[A-Za-z0-9:./_~-]*$", max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Undelivered:
        """What was tried for three days, and what was too much at once."""
        await asked.known(subscription_id)
        rows = await asked.missed(subscription_id, after, limit)
        items = [Missed(type=row["kind"], subject=row["about"], **{name: row[name] for name in PLAIN}) for row in rows]
        last = f"{items[-1].failed_at}/{items[-1].event_id}" if len(items) == limit else ""
        return Undelivered(items=items, next=last)


PLAIN: Final = ("event_id", "reason", "owed_at", "failed_at")


def oldest(table: Table) -> Select[Any]:
    at, event = table.c.failed_at, table.c.event_id
    later = or_(at > text("failed_at"), and_(at == text("failed_at"), event > text("event")))
    mine = table.c.subscription_id == text("subscription")
    return select(table).where(mine, later).order_by(at, event).limit(number("most"))


def named(table: Table, many: int) -> Select[Any]:
    ours = table.c.event_id.in_([text(f"event_{nth}") for nth in range(many)])
    return select(table).where(table.c.subscription_id == text("subscription"), ours).order_by(table.c.failed_at)


def shown(one: Subscriber) -> Shown:
    said = {name: getattr(one, name) for name in Shown.model_fields if name != "types"}
    return Shown(types=list(one.types), **said)


def documented(model: type[Posted]) -> dict[str, Any]:
    schema = model.model_json_schema()
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {"parameters": [KEY_PARAMETER], "requestBody": body}


async def told(request: Request, model: type[Any], what: str, key: bytes) -> tuple[Any, str]:
    """The body, and the id of this request."""
    body = posted(model, await request.body())
    return body, told_as(request.headers, ROOM, what, body.model_dump_json(), key)
