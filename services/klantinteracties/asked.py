"""What a request asks of a list: its filters, what to include, which page, in which order."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

from services.klantinteracties.asking import Question
from services.klantinteracties.fields import Doc, Fault
from services.klantinteracties.filters import FILTERS_MAX, VALUE_CHARS_MAX, Unknown
from services.klantinteracties.plan import Tree, tree
from services.klantinteracties.problems import Problem, wrong
from services.klantinteracties.resource import Resource
from services.klantinteracties.sealed import Sealer

PAGE: Final = "page"
SIZE: Final = "pageSize"
EXPAND: Final = "expand"
ORDER: Final = "ordering"
SIZE_USUAL: Final = 100
SIZE_MAX: Final = 500
PAGE_MAX: Final = 1_000_000
Pairs = list[tuple[str, str]]


class Asked(NamedTuple):
    question: Question
    expand: Tree
    page: int
    pairs: Pairs


def pairs_of(query: bytes) -> Pairs:
    """The parameters of an address. Raises `Problem`."""
    try:
        return parse_qsl(query.decode(), keep_blank_values=True, max_num_fields=FILTERS_MAX, errors="strict")
    except (ValueError, UnicodeError):
        raise wrong(Fault("nonFieldErrors", "invalid", f"Niet meer dan {FILTERS_MAX} parameters, in UTF-8.")) from None


def pairs_in(body: Doc) -> Pairs:
    """The same, from a body that is posted: words, numbers, booleans, and lists of words. Raises `Problem`."""
    found: Pairs = []
    for name, value in body.items():
        each = value if isinstance(value, list) else [value]
        if any(not isinstance(one, str | int | float | bool) for one in each):
            raise wrong(
                Fault(name if name.isidentifier() else "nonFieldErrors", "invalid", "Voer een geldige waarde in.")
            )
        found += [(name, str(one).lower() if isinstance(one, bool) else str(one)) for one in each]
    if len(found) > FILTERS_MAX:
        raise wrong(Fault("nonFieldErrors", "invalid", f"Niet meer dan {FILTERS_MAX} parameters."))
    return found


def asked(resource: Resource, pairs: Pairs, sealer: Sealer) -> Asked:
    """Raises `Problem` for what there is not to ask, or cannot be."""
    said = dict(pairs)
    also = {ORDER} if resource.orders else set()
    also |= {EXPAND} if resource.every else set()
    unknown = sorted(said.keys() - resource.filters.keys() - {PAGE, SIZE} - also)
    if unknown:
        raise unknown_parameters(unknown)
    filters, values, faults = [], dict[str, Any](), list[Fault]()
    for name, one in resource.filters.items():
        if not (value := said.get(name)):
            continue
        if len(value) > VALUE_CHARS_MAX or "\x00" in value:
            faults.append(Fault(name, "invalid", "Voer een geldige waarde in."))
            continue
        try:
            read = one.read(value)
        except Unknown:
            faults.append(Fault(name, "invalid_choice", "Dit is geen geldige keuze."))
            continue
        except (ValueError, OverflowError):
            faults.append(Fault(name, "invalid", "Voer een geldige waarde in."))
            continue
        filters.append(name)
        hashes = sealer.hashes(read).items() if one.numbered else ()
        values |= {f"{name}__{scheme}": found for scheme, found in hashes} if one.numbered else {name: read}
    falling = falling_by(resource, said.get(ORDER, ""), faults)
    expand = included(resource, (value for name, value in pairs if name == EXPAND), faults)
    if faults:
        raise Problem(400, faults=faults)
    size, page = size_of(said), page_of(said)
    question = Question(resource, tuple(filters), values, falling, (page - 1) * size, size)
    return Asked(question, expand, page, pairs)


def unknown_parameters(names: Iterable[str]) -> Problem:
    """They are named, as that API does; a name that is a value by mistake is not."""
    told = ", ".join(name if name.replace("_", "").isalpha() else "?" for name in names)
    return wrong(Fault("nonFieldErrors", "unknown-parameters", f"Onbekende query parameters: {told}"))


def falling_by(resource: Resource, order: str, faults: list[Fault]) -> bool:
    if order and order not in resource.orders:
        faults.append(Fault(ORDER, "invalid_choice", "Dit is geen geldige keuze."))
    return resource.orders.get(order, True)


def included(resource: Resource, values: Iterable[str], faults: list[Fault]) -> Tree:
    paths = [path for value in values for path in value.split(",") if path]
    try:
        return tree(resource, paths)
    except ValueError:
        faults.append(Fault(EXPAND, "invalid_choice", "Dit is geen geldige keuze."))
        return {}


def size_of(said: Mapping[str, str]) -> int:
    """What is no size is as if it was not said; what is too much is as much as there may be."""
    given = said.get(SIZE, "")
    return min(int(given), SIZE_MAX) if given.isascii() and given.isdigit() and int(given[:9]) else SIZE_USUAL


def page_of(said: Mapping[str, str]) -> int:
    given = said.get(PAGE) or "1"
    if not (given.isascii() and given.isdigit() and 0 < int(given[:9]) <= PAGE_MAX):
        raise Problem(404, "Ongeldige pagina.")
    return int(given)


def at_page(pairs: Pairs, page: int) -> str:
    """The same question of another page, as a query. The first page is not named."""
    rest = [(name, value) for name, value in pairs if name != PAGE]
    query = urlencode([*rest, *([(PAGE, str(page))] if page > 1 else [])])
    return f"?{query}" if query else ""
