"""Who may come in: the one place that looks at the token. Every request passes here first."""

from collections.abc import Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.types import Scope

from services.klantinteracties.problems import Problem, Sort

Klant = Callable[[Request], None]
# Why this token does not open this; empty, if it does. Raises `Unavailable` where that cannot be told.
Admits = Callable[[str, Scope], str]

UNKNOWN: Final = "unknown"
NOBODY: Final = Sort("AuthenticationFailed", "authentication_failed", "Ongeldige authenticatiegegevens.")
ASK: Final = (("WWW-Authenticate", "Token"),)
WHY: Final[Mapping[str, str]] = {
    UNKNOWN: "Ongeldige token.",
    "expired": "Deze token is verlopen: vraag de beheerder om een andere.",
    "revoked": "Deze token is ingetrokken: vraag de beheerder om een andere.",
}


def door(admits: Admits) -> Klant:
    """The dependency of every route. Raises `Problem` for whoever brings no token, or one that does not open this."""

    def klant(request: Request) -> None:
        scheme, _, said = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "token":
            raise Problem(401, headers=ASK)
        why = admits(said.strip(), request.scope)
        if why in WHY:
            raise Problem(401, WHY[why], headers=ASK, sort=NOBODY)
        if why:
            raise Problem(403)

    return klant
