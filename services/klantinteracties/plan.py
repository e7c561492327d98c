"""What an answer needs beside its own cards, as hops: from cards to those that belong to them; and how it reads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from services.klantinteracties.every import BASE, EVERY, compact, linked
from services.klantinteracties.resource import Forward, Resource, Reverse, Row, doc_of

DEPTH_MAX: Final = 5  # Of what is included in what is included.
HOPS_MAX: Final = 24

Tree = dict[str, "Tree"]
Found = Mapping[tuple[int, str], Sequence[Row]]


class Hop(NamedTuple):
    """From the cards of one hop to others: those of which `inner` is what `outer` is there."""

    of: int
    kind: str  # Of the cards from which it goes.
    outer: str
    inner: str
    claims: bool = False  # To whom an address belongs.


@dataclass
class Node:
    """How the cards of one kind, at one hop, are written: the hop of each thing that belongs to them."""

    resource: Resource
    lists: dict[str, tuple[Reverse, int, "Node | None"]] = field(default_factory=dict)
    include: dict[str, tuple[Reverse | Forward, int, "Node"]] = field(default_factory=dict)
    claims: int = 0


@dataclass
class Plan:
    """The hops of one answer, each with the kinds that are wanted there, and how it is written."""

    root: Node
    hops: list[Hop] = field(default_factory=list)
    kinds: list[set[str]] = field(default_factory=list)

    def hop(self, hop: Hop, kind: str) -> int:
        """The number of this hop, from 1; one that is there already is gone once, for several kinds."""
        if hop not in self.hops:
            self.hops.append(hop)
            self.kinds.append(set())
        number = self.hops.index(hop) + 1
        self.kinds[number - 1].add(kind)
        return number


def planned(resource: Resource, expand: Tree) -> Plan:
    plan = Plan(Node(resource))
    grow(plan, plan.root, 0, expand)
    return plan


def grow(plan: Plan, node: Node, at: int, expand: Tree) -> None:
    resource = node.resource
    for one in resource.reverse:
        hop = plan.hop(Hop(at, resource.kind, "uuid", one.column), one.kind)
        inner: Node | None = None
        if one.way in {"actoren", "named"}:
            leads = {"actoren": "actoren", "named": "categorieen"}[one.way]
            beyond = plan.hop(Hop(hop, one.kind, "other", "uuid"), leads)
            inner = Node(EVERY[leads], claims=beyond)
        if one.way == "whole":
            inner = Node(EVERY[one.kind])
        node.lists[one.field] = (one, hop, inner)
        if one.field in expand:
            node.include[one.field] = (one, hop, below(plan, EVERY[one.kind], hop, expand[one.field]))
    for way in resource.forward:
        if way.field in expand:
            hop = plan.hop(Hop(at, resource.kind, way.column, "uuid"), way.kind)
            node.include[way.field] = (way, hop, below(plan, EVERY[way.kind], hop, expand[way.field]))
    if resource.later:
        node.claims = plan.hop(Hop(at, resource.kind, "address_id", "address_id", claims=True), "digitaleadressen")


def below(plan: Plan, resource: Resource, hop: int, expand: Tree) -> Node:
    node = Node(resource)
    grow(plan, node, hop, expand)
    return node


def grouped(plan: Plan, rows: Iterable[Row]) -> Found:
    """The rows of each hop, by what led to them."""
    found: dict[tuple[int, str], list[Row]] = {}
    for row in rows:
        number = row["hop"]
        key = row[plan.hops[number - 1].inner] if number else ""
        found.setdefault((number, key), []).append(row)
    return found


def written(node: Node, row: Row, found: Found) -> str:
    """One card with all that belongs to it, as JSON."""
    parts, uuid = [row["doc"]], row["uuid"]
    if node.resource.later and row["party"] is None:
        parts.append(f'"{node.resource.later}":{whose(found.get((node.claims, row["address_id"] or ""), ()))}')
    for name, (one, hop, inner) in node.lists.items():
        if there := found.get((hop, uuid)):
            theirs = [listed(one, inner, card, found) for card in there if card["kind"] == one.kind]
            parts.append(f'"{name}":[{",".join(theirs)}]')
        else:  # As most are.
            parts.append(f'"{name}":[]')
    if node.include:
        parts.append(f'"_expand":{{{",".join(included(node, row, found))}}}')
    return ",".join(parts) + "}"


def listed(one: Reverse, inner: Node | None, card: Row, found: Found) -> str:
    match one.way:
        case "whole":
            return f"{card['doc']}}}"
        case "represented":
            return linked("partijen", card["other"])
        case "actoren" if inner:
            return "".join(f"{actor['doc']}}}" for actor in found.get((inner.claims, card["other"]), ())[:1])
        case "named" if inner:
            return relation(card, found.get((inner.claims, card["other"]), ()))
    return linked(card["kind"], card["uuid"])


def relation(card: Row, categories: Sequence[Row]) -> str:
    doc = doc_of(card)
    name = compact(categories[0]["name"]) if categories else "null"
    dates = compact({"beginDatum": doc["beginDatum"], "eindDatum": doc["eindDatum"]})[1:-1]
    return f'{linked(card["kind"], card["uuid"])[:-1]},"categorieNaam":{name},{dates}}}'


def included(node: Node, row: Row, found: Found) -> Iterable[str]:
    for name, (one, hop, inner) in node.include.items():
        key = row["uuid"] if isinstance(one, Reverse) else row[one.column] or ""
        cards = [written(inner, card, found) for card in found.get((hop, key), ()) if card["kind"] == one.kind]
        listed_there = f"[{','.join(cards)}]"
        yield f'"{name}":{listed_there if isinstance(one, Reverse) else cards[0] if cards else "null"}'


def whose(claims: Sequence[Row]) -> str:
    """The party behind an address, where it is surely one."""
    parties = {claim["party"] for claim in claims if claim["party"]}
    return linked("partijen", parties.pop()) if len(parties) == 1 else "null"


def tree(resource: Resource, asked: Iterable[str]) -> Tree:
    """What is to be included in what, from names with dots. Raises `ValueError` for what there is not."""
    found: Tree = {}
    for path in asked:
        here, at = found, resource
        names = path.split(".")
        if len(names) > DEPTH_MAX:
            raise ValueError("too deep")
        for name in names:
            one = at.every.get(name)
            if one is None or (isinstance(one, Reverse) and one.way in {"actoren", "represented"}):
                raise ValueError("nothing of that name")
            here, at = here.setdefault(name, {}), EVERY[one.kind]
    return found


def based(text: str, base: str) -> str:
    return text.replace(BASE, base)
