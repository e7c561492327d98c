"""What that API does: a list, one card, a new one, another version, none any more; and several at once."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from engine.engine import Engine
from services.klantinteracties.asked import EXPAND, Asked, Pairs, asked, at_page, included, unknown_parameters
from services.klantinteracties.asking import BY_NAME, Asking, Question
from services.klantinteracties.every import BASE, EVERY, compact, spelled
from services.klantinteracties.fields import REASONS, Doc, Fault
from services.klantinteracties.numbers import KIND as NUMBERS
from services.klantinteracties.plan import Plan, grouped, planned, tree, written
from services.klantinteracties.problems import Problem, wrong
from services.klantinteracties.resource import Resource, Row
from services.klantinteracties.sealed import Sealer
from services.klantinteracties.shown import Shown
from services.klantinteracties.taking import take
from services.klantinteracties.writing import Write

PLANS_MAX: Final = 200


class Answer(NamedTuple):
    """`text` names this API by `BASE`, which is put in by who sends it."""

    status: int
    text: str = ""
    location: str = ""


class Acts:
    def __init__(self, engine: Engine, pepper: bytes, clock: Callable[[], datetime]) -> None:
        self._engine, self._pepper, self._clock = engine, pepper, clock
        self.sealer, self.asking = Sealer(pepper), Asking(engine)
        self._shown = Shown(engine, "klantinteracties.cards")
        self._one_by_one = asyncio.Lock()  # What must be the only one of its kind is looked for and written in turn.
        self._plans: dict[tuple[str, str], Plan] = {}

    async def many(self, resource: Resource, pairs: Pairs, path: str, *, hidden: bool = False) -> Answer:
        """`hidden`: what was asked stands in no address, so the next page has to be asked for in the same way."""
        said = asked(resource, pairs, self.sealer)
        texts = await self._page(said)
        first, size = said.question.first, said.question.most
        count = first + len(texts)
        if len(texts) == size or (not texts and first):
            count = await self.asking.count(said.question)
        if not texts and first:
            raise Problem(404, "Ongeldige pagina.")
        shown = [pair for pair in pairs if pair[0] == "pageSize"] if hidden else pairs
        more = f"{BASE}{path}{at_page(shown, said.page + 1)}" if count > first + size else None
        less = f"{BASE}{path}{at_page(shown, said.page - 1)}" if said.page > 1 else None
        addresses = ",".join(f'"{name}":{quoted(value)}' for name, value in (("next", more), ("previous", less)))
        return Answer(200, f'{{"count":{count},{addresses},"results":[{",".join(texts)}]}}')

    async def one(self, resource: Resource, name: str, pairs: Pairs) -> Answer:
        if unknown := sorted({label for label, _ in pairs} - {EXPAND}):
            raise unknown_parameters(unknown)
        faults: list[Fault] = []
        expand = included(resource, (value for _, value in pairs), faults)
        if faults:
            raise Problem(400, faults=faults)
        question = Question(resource, (BY_NAME,), {BY_NAME: canonical(name)}, most=1)
        texts = await self._page(Asked(question, expand, 1, pairs))
        if not texts:
            raise Problem(404)
        return Answer(200, texts[0])

    async def create(self, resource: Resource, given: Doc, key: str) -> Answer:
        write, repeated = self._write(resource.kind, key, given), bool(key)
        async with self._alone(resource, given):
            name = await write.put(resource, None, given)
            write.checked()
            if repeated and name in await self.asking.named([name]):
                answer = await self.one(resource, name, [])
                return Answer(201, answer.text, f"{BASE}{resource.kind}/{name}")
            await self._keep(write)
        return Answer(201, self._fresh(resource, name, write), f"{BASE}{resource.kind}/{name}")

    async def change(self, resource: Resource, name: str, given: Doc, key: str, *, partly: bool) -> Answer:
        write = self._write(f"{resource.kind} {name} {partly}", key, given)
        async with self._alone(resource, given):
            await write.put(resource, await self._row(resource, name), given, partly=partly)
            write.checked()
            await self._keep(write)
        return await self.one(resource, name, [])

    async def remove(self, resource: Resource, name: str, key: str, *, cascade: bool = False) -> Answer:
        write = self._write(f"{resource.kind} {name} gone", key)
        row = await self._row(resource, name)
        await write.remove(resource, row)
        kept = await self._with_contacts(write, row) if cascade else []
        write.checked()
        await self._keep(write)
        if not cascade:
            return Answer(204)
        return Answer(200, f'{{"behouden":[{",".join(quoted(f"{BASE}klantcontacten/{one}") for one in kept)}]}}')

    async def several(self, given: Doc, key: str) -> Answer:
        """`maak-klantcontact`: a contact with who took part and what it was about, all of it or nothing.

        More than that API takes: their addresses, actors, and a task, so that a call-back is one request.
        """
        write = self._write("several", key, given)
        made: dict[str, list[str]] = {}
        contact = await self._part(write, made, "klantcontacten", "klantcontact", given.get("klantcontact"))
        on = {"uuid": contact}
        people: list[str] = []
        for label, kind, link in PARTS:
            if not contact or not (said := given.get(label)):
                continue
            for nth, one in enumerate(said if isinstance(said, list) else [said]):
                at = f"{label}.{nth}" if isinstance(said, list) else label
                theirs = {"uuid": people[0]} if link == BETROKKENE and people else on
                body = one | {link: theirs} if isinstance(one, dict) else one
                name = await self._part(write, made, kind, at, body)
                if kind == "betrokkenen":
                    people.append(name)
        write.checked()
        if not (key and contact in await self.asking.named([contact])):
            await self._keep(write)
        return Answer(201, self._all(write, made, given))

    async def take(self, given: Doc) -> Answer:
        """What another register holds: what is not here yet, all of it or nothing. The same again changes nothing."""
        write = self._write("take", "take", given)
        async with self._one_by_one:
            taken, known = await take(write, given)
            write.checked()
            if taken:
                await self._keep(write)
        return Answer(200, compact({"overgenomen": taken, "bekend": known}))

    async def _part(self, write: Write, made: dict[str, list[str]], kind: str, at: str, body: Any) -> str:  # noqa: ANN401  # Whatever was sent.
        if not isinstance(body, dict):
            missing = Fault(at, "required", REASONS["required"])
            raise wrong(missing if body is None else Fault(f"{at}.nonFieldErrors", "invalid", "Verwacht een object."))
        name = await write.put(EVERY[kind], None, body, at=f"{at}.")
        made.setdefault(at.partition(".")[0], []).append(name)
        return name

    def _all(self, write: Write, made: Mapping[str, Sequence[str]], given: Doc) -> str:
        kinds = {"klantcontact": "klantcontacten"} | {label: kind for label, kind, _ in PARTS}
        told = []
        for label, kind in kinds.items():
            texts = [self._fresh(EVERY[kind], name, write) for name in made.get(label, ())]
            if isinstance(given.get(label), list):
                told.append(f'"{label}":[{",".join(texts)}]')
            elif texts or label in ALWAYS:
                told.append(f'"{label}":{texts[0] if texts else "null"}')
        return f"{{{','.join(told)}}}"

    def _fresh(self, resource: Resource, name: str, write: Write) -> str:
        """A card that was just written, with what was written with it."""
        plan, every = self._plan(resource, ""), (write.known | write.fresh).values()
        rows = [dict(write.fresh[name]) | {"hop": 0}]
        for nth, hop in enumerate(plan.hops, start=1):
            led = {row[hop.outer] for row in rows if row["hop"] == hop.of and row["kind"] == hop.kind} - {None}
            kinds = plan.kinds[nth - 1]
            rows += [dict(one) | {"hop": nth} for one in every if one[hop.inner] in led and one["kind"] in kinds]
        return self.sealer.open(written(plan.root, rows[0], grouped(plan, rows)))

    async def _page(self, said: Asked) -> list[str]:
        plan = self._plan(said.question.resource, ",".join(sorted(paths(said.expand))))
        rows = await self.asking.rows(said.question, plan)
        found = grouped(plan, rows)
        page = found.get((0, ""), ())
        texts = [written(plan.root, row, found) for row in (reversed(page) if said.question.falling else page)]
        return [self.sealer.open(text) for text in texts]

    def _plan(self, resource: Resource, expand: str) -> Plan:
        key = (resource.kind, expand)
        if key not in self._plans:
            if len(self._plans) >= PLANS_MAX:
                self._plans.clear()
            self._plans[key] = planned(resource, tree(resource, filter(None, expand.split(","))))
        return self._plans[key]

    def _write(self, what: str, key: str, given: Doc | None = None) -> Write:
        """With a key of theirs, the same request is the same write."""
        name = uuid4().hex
        if key:
            said = f"{what}{'' if given is None else f' {spelled(given)}'}\0{key}".encode(errors="surrogatepass")
            name = hmac.new(self._pepper, said, hashlib.sha256).hexdigest()
        return Write(self._clock(), name, self.asking, self.sealer, self._pepper)

    def _alone(self, resource: Resource, given: Doc) -> AsyncExitStack | asyncio.Lock:
        only = resource.kind in ALONE or any(given.get(name) for name in ALONE)
        return self._one_by_one if only else AsyncExitStack()

    async def _row(self, resource: Resource, name: str) -> Row:
        found = (await self.asking.named([canonical(name)])).get(canonical(name))
        if found is None or found["kind"] != resource.kind:
            raise Problem(404)
        return found

    async def _keep(self, write: Write) -> None:
        await self._engine.append(*write.envelopes())
        await self._shown.wait()

    async def _with_contacts(self, write: Write, row: Row) -> list[str]:
        """The contacts that it was about go too, unless they were about something else as well."""
        kept = []
        for name in dict.fromkeys(filter(None, (row["contact"], row["other"]))):
            others = [*await self.asking.belonging(name, row["kind"], "contact")]
            others += await self.asking.belonging(name, row["kind"], "other")
            if any(other["uuid"] != row["uuid"] for other in others):
                kept.append(name)
            elif contact := (await self.asking.named([name])).get(name):
                await write.remove(EVERY["klantcontacten"], contact)
        return kept


BETROKKENE: Final = "verstrektDoorBetrokkene"
PARTS: Final = (
    ("betrokkene", "betrokkenen", "hadKlantcontact"),
    ("onderwerpobject", "onderwerpobjecten", "klantcontact"),
    ("digitaleAdressen", "digitaleadressen", BETROKKENE),
    ("actorKlantcontacten", "actorklantcontacten", "klantcontact"),
    ("internetaak", "internetaken", "aanleidinggevendKlantcontact"),
)
ALWAYS: Final = frozenset({"klantcontact", "betrokkene", "onderwerpobject"})
ALONE: Final = frozenset({"partijen", NUMBERS, "actorklantcontacten", "nummer", "referentienummer", "referentie"})


def canonical(name: str) -> str:
    """Raises `Problem` for what names no card."""
    try:
        return str(UUID(name))
    except ValueError:
        raise Problem(404) from None


def quoted(value: str | None) -> str:
    """An address in JSON; where this API stands is put in later."""
    return "null" if value is None else f'"{BASE.join(spelled(part)[1:-1] for part in value.split(BASE))}"'


def paths(expand: Mapping[str, Any], before: str = "") -> list[str]:
    return [
        path for name, inner in expand.items() for path in (paths(inner, f"{before}{name}.") or [f"{before}{name}"])
    ]
