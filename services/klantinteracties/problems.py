"""What goes wrong, as that API says it. Nothing that was sent is repeated."""

import json
from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import uuid4

from services.klantinteracties.fields import Fault


class Sort(NamedTuple):
    type: str
    code: str
    title: str


SORTS: Final = {
    400: Sort("ValidationError", "invalid", "Ongeldige invoerwaarde."),
    401: Sort("NotAuthenticated", "not_authenticated", "Authenticatiegegevens zijn niet opgegeven."),
    403: Sort("PermissionDenied", "permission_denied", "Je hebt geen toestemming om deze actie uit te voeren."),
    404: Sort("NotFound", "not_found", "Niet gevonden."),
    405: Sort("MethodNotAllowed", "method_not_allowed", "Deze methode is hier niet toegestaan."),
    406: Sort("NotAcceptable", "not_acceptable", "Kon niet voldoen aan de opgegeven Accept header."),
    408: Sort("APIException", "error", "Het verzoek kwam niet op tijd binnen."),
    412: Sort("PreconditionFailed", "precondition_failed", "De gegevens zijn intussen veranderd."),
    413: Sort("APIException", "error", "Het verzoek is te groot."),
    415: Sort("UnsupportedMediaType", "unsupported_media_type", "Ongeldig media type in het verzoek."),
    429: Sort("Throttled", "throttled", "Verzoek was verhinderd: te veel verzoeken."),
    500: Sort("APIException", "error", "Er is een serverfout opgetreden."),
    503: Sort("APIException", "error", "De dienst is even niet bereikbaar: probeer het straks opnieuw."),
}
PARSE: Final = Sort("ParseError", "parse_error", "Ongeformatteerde invoer.")


class Problem(Exception):
    """This request is answered so. A 400 always lists what is wrong: clients read that list."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        faults: Sequence[Fault] = (),
        *,
        headers: Sequence[tuple[str, str]] = (),
        sort: Sort | None = None,
    ) -> None:
        super().__init__(status)
        self.status, self.faults, self.headers = status, faults, headers
        self.sort = sort or SORTS[status]
        self.detail = detail or self.sort.title

    def body(self, origin: str) -> bytes:
        told = {
            "type": f"{origin}/ref/fouten/{self.sort.type}/",
            "code": self.sort.code,
            "title": self.sort.title,
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:uuid:{uuid4()}",
        }
        if self.status == 400:  # noqa: PLR2004  # A bad request.
            told["invalidParams"] = [one._asdict() for one in self.faults]
        return json.dumps(told, ensure_ascii=False).encode()


def wrong(*faults: Fault) -> Problem:
    return Problem(400, faults=faults)
