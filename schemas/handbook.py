"""`docs/events.md`: the catalogue for readers, who writes and who reads each event included."""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from schemas.catalogue import EVENTS
from schemas.event import EVENT_BYTES_MAX, TYPE_PREFIX, Event
from schemas.jsonschema import schema_of, subject_pattern

INTRODUCTION: Final = f"""\
# Events

Every fact that Draad knows is one of these. This page is generated from `schemas/` and from who uses it
(`make schemas`); a test fails when it is stale.

**Envelope.** Each event travels in a CloudEvent 1.0 after the NL GOV profile 1.1, of at most {EVENT_BYTES_MAX} bytes.

| attribute | means |
|---|---|
| `id` | derived, never rolled (`uuid5`): from the source's own id of the fact, or from the event that it follows from. The same fact always has the same id |
| `source` | `urn:nld:oin:<20 digits>:systeem:draad`: the municipality, and this system |
| `type` | `{TYPE_PREFIX}` and the type below: what happened. Its meaning never changes; a new meaning is a new type |
| `subject` | what it is about, as a path of pseudonyms. It is the key: order holds within a subject. Its first word is the topic |
| `time` | when we logged it. When it happened is `at` in the data |
| `dataschema` | `urn:draad:schema:` and the type: the file of that name in `schemas/json/` |
| `causationid` | the id of the event that it follows from |
| `depth` | how many events lie between it and the fact from outside that began it |

**Growth.** Fields are only ever added, and never as required ones. Readers ignore fields that they do not know.
`tests/schemas/promised.txt` and the golden events beside it keep this.

**Personal.** Every field says how personal it is: *none* (says nothing about a person), *pseudonymous* (only who
holds the key can tell whose it is), *direct* (says who, or what they told us), *special* (health, belief and the
like). No field ever holds a BSN. Subjects hold pseudonyms only.
"""  # noqa: E501  # A row of a table is one line.
HALLS: Final = {"engine": "the engine", "draad": "the command line"}
NOBODY: Final = "nobody yet"
MARKS: Final = {
    "none": "none",
    "pseudonymous": "pseudonymous",
    "direct": "**direct**",
    "special": "**special**",
}

Uses = Mapping[str, set[tuple[str, bool]]]  # By path: the names there, and whether they are called.


def handbook(files: Mapping[str, str]) -> str:
    """The page. `files` is the source of everybody who may write or read an event, by path."""
    uses = {path: set(used(ast.parse(text))) for path, text in files.items()}
    chapters = groupby(EVENTS, key=lambda event: event.__module__)
    return "\n".join([INTRODUCTION, *(chapter(noun, events, uses) for noun, events in chapters)])


def chapter(noun: str, events: Iterable[type[Event]], uses: Uses) -> str:
    title, _, text = (sys.modules[noun].__doc__ or "").partition(": ")
    return "\n".join([f"## {title}\n", f"{text[:1].upper()}{text[1:].strip()}\n", *(entry(e, uses) for e in events)])


def entry(event: type[Event], uses: Uses) -> str:
    schema = schema_of(event)
    fields = (
        f"| `{name}` | {kind(name, field)} | {must(name, schema)} | {MARKS[field['personal']]} |"
        for name, field in schema["properties"].items()
    )
    lines = [
        f"### {event.type}\n",
        f"{event.__doc__}\n",
        f"Subject: `{subject_pattern(event)}`\n",
        f"Written by {hands(event, uses, made=True)}; read by {hands(event, uses, made=False)}.\n",
        "| field | holds | must | personal |",
        "|---|---|---|---|",
        *fields,
    ]
    return "\n".join(lines) + "\n"


def kind(name: str, field: Mapping[str, Any]) -> str:
    """What a field holds, in words."""
    match field:
        case {"enum": words}:
            said = " or ".join(f"`{word}`" for word in words)
        case {"type": "array", "items": inner}:
            said = f"a list, each {kind(name, inner)}"
        case {"properties": parts}:
            said = ", ".join(f"{part}: {kind(part, inner)}" for part, inner in parts.items())
        case {"type": "integer" | "boolean" as type}:
            said = {"integer": "a number from 0", "boolean": "yes or no"}[type]
        case {"anyOf": [inner, {"type": "null"}]}:
            said = f"{kind(name, inner)}; or nothing"
        case {"format": "date-time"}:
            said = "a moment, with its zone"
        case {"maxLength": most} if name.endswith("_id"):
            said = f"an id, at most {most} characters"
        case {"maxLength": most}:
            said = f"text, at most {most:,} characters"
        case {"pattern": pattern} if "0-9a-f" in pattern:
            said = "a digest, in hexadecimal digits"
        case _:
            raise ValueError("a kind of field that has no words yet: give it some here")
    return said


def must(name: str, schema: Mapping[str, Any]) -> str:
    if name in schema["required"]:
        return "yes"
    return f"no: `{schema['properties'][name]['default']!r}`".replace("'", '"')


def hands(event: type[Event], uses: Uses, *, made: bool) -> str:
    """Who has this event in hand today, by the room that they work in."""
    return ", ".join(sorted({room(path) for path, names in uses.items() if (event.__name__, made) in names})) or NOBODY


def room(path: str) -> str:
    """`intake` for services/intake/api.py, `the engine` for engine/work.py."""
    first, second, *_ = path.split("/")
    return HALLS.get(first) or second.removesuffix(".py")


def used(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Every name in a file, and whether it is called. Who calls an event writes it, who names it reads it."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            yield name, True
            inner: Iterable[ast.AST] = (*node.args, *node.keywords, *ast.iter_child_nodes(node.func))
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name, False
            inner = ast.iter_child_nodes(node)
        case _:
            inner = ast.iter_child_nodes(node)
    for child in inner:
        yield from used(child)
