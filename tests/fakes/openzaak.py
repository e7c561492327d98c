"""A case system as the published Zaken, Catalogi and Notificaties APIs have it, and as strict as they are.

It refuses whoever is not let in, a token that is too old, a question without `Accept-Crs`, and a parameter that the API
does not have. What changes in it is noted in `told`, as the Notificaties API would send it: whether, when and how often
that arrives is for the test to say. `faults` are played one for each request.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import NAMESPACE_URL, uuid5

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

CLIENT: Final = "draad"
SECRET: Final = "a-secret-of-the-case-system-for-tests"
BSN: Final = "123456782"
JWT_S_MAX: Final = 3_600
LEEWAY_S: Final = 60
ZAKEN: Final = "/zaken/api/v1/"
CATALOGI: Final = "/catalogi/api/v1/"
NOTIFICATIES: Final = "/nrc/api/v1/"
MAP: Final = "EPSG:4326"
PAGING: Final = frozenset({"page", "pageSize"})
ASKED: Final[Mapping[str, frozenset[str]]] = {
    "zaken": PAGING | {"einddatum__isnull", "einddatum__gt", "einddatum__lt", "identificatie", "ordering", "expand"},
    "statussen": PAGING | {"zaak", "statustype"},
    "rollen": PAGING | {"zaak", "omschrijvingGeneriek", "betrokkeneType"},
    "resultaten": PAGING | {"zaak", "resultaattype"},
}
CLAIMS: Final = ("iss", "iat", "client_id", "user_id", "user_representation")
TRIAL: Final = {
    "kanaal": "test",
    "hoofdObject": "http://some.hoofdobject.nl/",
    "resource": "some_resource",
    "resourceUrl": "http://some.resource.nl/",
    "actie": "create",
    "aanmaakdatum": "2019-01-01T12:00:00Z",
    "kenmerken": {},
}
# The statuses of the one kind of case there is: name, number, text, whether residents are told of it, whether it ends.
STATUSES: Final = (
    ("Ontvangen", 1, "Wij hebben uw aanvraag.", True, False),
    ("In behandeling", 2, "Wij bekijken uw aanvraag.", True, False),
    ("Intern overleg", 3, "", False, False),
    ("Wacht op u", 4, "Wij missen nog een papier.", True, False),
    ("Afgehandeld", 5, "U krijgt een brief.", True, True),
)

# What each case has by its API as it begins.
BLANK: Final[Mapping[str, Any]] = {
    "bronorganisatie": "517439943",
    "verantwoordelijkeOrganisatie": "517439943",
    "toelichting": "",
    "betalingsindicatieWeergave": "",
    "laatstGemuteerd": "2026-11-23T09:00:00Z",
    "deelzaken": [],
    "eigenschappen": [],
    "zaakinformatieobjecten": [],
    "zaakobjecten": [],
    "rollen": [],
    "einddatum": None,
    "einddatumGepland": None,
    "uiterlijkeEinddatumAfdoening": None,
    "hoofdzaak": None,
    "status": None,
    "resultaat": None,
    "opschorting": {"indicatie": False, "eerdereOpschorting": False, "reden": ""},
}

Resource = dict[str, Any]
Callback = Callable[[str, Mapping[str, str], Resource], Any]


class Answer(Exception):
    """What it says in place of what was asked for."""

    def __init__(self, status: int, code: str, body: bytes | None = None, headers: Mapping[str, str] = {}) -> None:
        super().__init__(code)
        self.status, self.headers = status, headers
        said = {
            "type": f"about:{code}",
            "code": code,
            "title": code,
            "status": status,
            "detail": "",
            "instance": "urn:x",
        }
        self.body = json.dumps(said).encode() if body is None else body


class OpenZaak:
    """All three APIs at one address, as an ASGI application."""

    def __init__(self, home: str = "https://openzaak.example") -> None:
        self.told: list[Resource] = []
        self.subscriptions: dict[str, Resource] = {}
        self.faults: deque[str] = deque()
        self.forbidden = False
        self.asked: list[str] = []
        self.page_size = 100
        self.callback: Callback | None = None
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.stands_at(home)

    def stands_at(self, home: str) -> None:
        """From now on, with the one kind of case that there is."""
        self.home = home
        self.objects: dict[str, Resource] = {}  # By path.
        self.zaaktype = self._kept(f"{CATALOGI}zaaktypen", omschrijving="Paspoort aanvragen", identificatie="B0001")
        self.statustypen = {
            name: self._kept(
                f"{CATALOGI}statustypen", omschrijving=name, volgnummer=number, statustekst=text, informeren=inform,
                isEindstatus=ends, zaaktype=self.zaaktype["url"],
            )
            for name, number, text, inform, ends in STATUSES
        }  # fmt: skip

    # What happens in it.

    def opens(self, title: str = "Paspoort voor uw kind", **more: Any) -> str:
        day = self.now().date().isoformat()
        begun = {"zaaktype": self.zaaktype["url"], "registratiedatum": day, "startdatum": day}
        zaak = self._kept(f"{ZAKEN}zaken", **{**BLANK, **begun, "omschrijving": title, **more})
        self._tell(zaak, "zaak", zaak, "create")
        return str(zaak["uuid"])

    def asks(self, case: str, bsn: str = BSN, kind: str = "natuurlijk_persoon", **who: Any) -> None:
        """Somebody is its initiator."""
        zaak = self.case(case)
        known = {"inpBsn": bsn, "geslachtsnaam": "Bakker", "voorvoegselGeslachtsnaam": "de", "voornamen": "Joëlle"}
        rol = self._kept(
            f"{ZAKEN}rollen", zaak=zaak["url"], betrokkene="", betrokkeneType=kind, omschrijvingGeneriek="initiator",
            betrokkeneIdentificatie=who or known, roltype=f"{self.home}{CATALOGI}roltypen/x",
        )  # fmt: skip
        zaak["rollen"] = [*zaak["rollen"], rol["url"]]
        self._tell(zaak, "rol", rol, "create")

    def reaches(self, case: str, status: str, at: datetime | None = None) -> None:
        """It gets this status; one that ends it closes it, and another one opens it again."""
        zaak, kind, moment = self.case(case), self.statustypen[status], at or self.now()
        made = self._kept(
            f"{ZAKEN}statussen", zaak=zaak["url"], statustype=kind["url"], datumStatusGezet=moment.isoformat(),
            statustoelichting="", indicatieLaatstGezetteStatus=True, zaakinformatieobjecten=[],
        )  # fmt: skip
        zaak["status"] = made["url"]
        zaak["einddatum"] = moment.date().isoformat() if kind["isEindstatus"] else None
        self._tell(zaak, "status", made, "create")

    def results(self, case: str, name: str) -> None:
        zaak = self.case(case)
        kind = self._kept(f"{CATALOGI}resultaattypen", omschrijving=name, zaaktype=self.zaaktype["url"])
        made = self._kept(f"{ZAKEN}resultaten", zaak=zaak["url"], resultaattype=kind["url"], toelichting="")
        zaak["resultaat"] = made["url"]
        self._tell(zaak, "resultaat", made, "create")

    def changes(self, case: str, **said: Any) -> None:
        zaak = self.case(case)
        zaak.update(said)
        self._tell(zaak, "zaak", zaak, "partial_update")

    def is_due(self, case: str, day: date) -> None:
        self.changes(case, uiterlijkeEinddatumAfdoening=day.isoformat())

    def suspends(self, case: str, on: bool = True) -> None:
        self.changes(
            case, opschorting={"indicatie": on, "eerdereOpschorting": not on, "reden": "wacht op mevrouw Bakker"}
        )

    def removes(self, case: str) -> None:
        zaak = self.case(case)
        for path in [path for path, one in self.objects.items() if one.get("zaak") == zaak["url"] or one is zaak]:
            del self.objects[path]
        self._tell(zaak, "zaak", zaak, "destroy")

    def case(self, case: str) -> Resource:
        return self.objects[f"{ZAKEN}zaken/{case}"]

    def _kept(self, place: str, **said: Any) -> Resource:
        uuid = str(uuid5(NAMESPACE_URL, f"{place} {len(self.objects)}"))
        path = f"{place}/{uuid}"
        self.objects[path] = {"url": f"{self.home}{path}", "uuid": uuid, **said}
        return self.objects[path]

    def _tell(self, zaak: Resource, resource: str, made: Resource, action: str) -> None:
        self.told.append(
            {
                "kanaal": "zaken",
                "hoofdObject": zaak["url"],
                "resource": resource,
                "resourceUrl": made["url"],
                "actie": action,
                "aanmaakdatum": (self.now() + timedelta(microseconds=len(self.told))).isoformat(),
                "kenmerken": {"bronorganisatie": zaak["bronorganisatie"], "zaaktype": zaak["zaaktype"]},
            }
        )

    # What it answers.

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        body = (await receive()).get("body", b"")
        asked = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        try:
            await self._faulty(scope["path"])
            said = await self._answer(scope["method"], scope["path"], asked, headers, body)
            await answered(send, 200 if scope["method"] != "POST" else 201, json.dumps(said).encode())
        except Answer as other:
            await answered(send, other.status, other.body, other.headers)

    async def _faulty(self, path: str) -> None:
        self.asked.append(path)
        match self.faults.popleft() if self.faults else "":
            case "500":
                raise Answer(500, "error")
            case "502":
                raise Answer(502, "", b"<html>Bad Gateway</html>")
            case "403":
                raise Answer(403, "permission_denied")
            case "404":  # Of a proxy that has lost its way.
                raise Answer(404, "", b"<html>Not Found</html>")
            case "nonsense":
                raise Answer(200, "", b'{"url": ')
            case "another shape":
                raise Answer(200, "", b'{"results": {}, "url": 1}')
            case "huge":
                raise Answer(200, "", b'"' + b"x" * 9_000_000 + b'"')
            case "redirect":
                raise Answer(302, "", b"", {"location": "http://169.254.169.254/"})
            case "slow":
                await asyncio.sleep(60)

    async def _answer(
        self, method: str, path: str, asked: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Any:
        self._admitted(headers)
        if path.startswith(f"{NOTIFICATIES}abonnement"):
            return await self._subscription(method, path, body)
        if path.startswith(ZAKEN) and headers.get("accept-crs") != MAP:
            raise Answer(406 if "accept-crs" in headers else 412, "accept-crs")
        if method != "GET":
            raise Answer(405, "method_not_allowed")
        kind = path.removeprefix(ZAKEN)
        if kind in ASKED:
            return self._listed(path, kind, asked)
        if path not in self.objects:
            raise Answer(404, "not_found")
        return self.objects[path]

    def _admitted(self, headers: Mapping[str, str]) -> None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        try:
            claims = jwt.decode(token, OctKey.import_key(SECRET), algorithms=["HS256"]).claims
        except (JoseError, ValueError):
            raise Answer(403, "not_authenticated") from None
        if scheme != "Bearer" or any(name not in claims for name in CLAIMS) or claims["client_id"] != CLIENT:
            raise Answer(403, "permission_denied")
        age = self.now().timestamp() - claims["iat"]
        if not -LEEWAY_S <= age <= JWT_S_MAX or self.forbidden:
            raise Answer(403, "permission_denied" if self.forbidden else "jwt-expired")

    def _listed(self, path: str, kind: str, asked: Mapping[str, str]) -> Resource:
        if unknown := asked.keys() - ASKED[kind]:
            raise Answer(400, f"unknown-parameters {sorted(unknown)}")
        found = [one for name, one in self.objects.items() if name.startswith(f"{path}/") and self._fits(one, asked)]
        page, size = int(asked.get("page", "1")), min(self.page_size, int(asked.get("pageSize", "100")))
        shown = found[(page - 1) * size : page * size]
        if not shown and page > 1:
            raise Answer(404, "not_found")
        more = f"{self.home}{path}?page={page + 1}" if len(found) > page * size else None
        return {"count": len(found), "next": more, "previous": None, "results": shown}

    def _fits(self, one: Resource, asked: Mapping[str, str]) -> bool:
        return all(fits(one, name, value) for name, value in asked.items() if name not in PAGING)

    async def _subscription(self, method: str, path: str, body: bytes) -> Any:
        name = path.removeprefix(f"{NOTIFICATIES}abonnement").strip("/")
        if method == "GET" and not name:
            return [{key: value for key, value in one.items() if key != "auth"} for one in self.subscriptions.values()]
        if (method, bool(name)) not in {("POST", False), ("PUT", True)} or (name and name not in self.subscriptions):
            raise Answer(404 if name else 405, "not_found")
        said = json.loads(body)
        if {"callbackUrl", "auth", "kanalen"} - said.keys() or any(one["naam"] != "zaken" for one in said["kanalen"]):
            raise Answer(400, "invalid")
        await self._tried(said)
        name = name or f"{len(self.subscriptions)}"
        self.subscriptions[name] = {"url": f"{self.home}{NOTIFICATIES}abonnement/{name}", **said}
        return {key: value for key, value in self.subscriptions[name].items() if key != "auth"}

    async def _tried(self, said: Resource) -> None:
        """Without its token nobody may get in; with it, it has to answer well."""
        if await self._sent(said["callbackUrl"], {}, TRIAL) not in {401, 403}:
            raise Answer(400, "no-auth-on-callback-url")
        if not 200 <= await self._sent(said["callbackUrl"], {"Authorization": said["auth"]}, TRIAL) <= 209:
            raise Answer(400, "invalid-callback-url")

    async def _sent(self, url: str, headers: Mapping[str, str], body: Resource) -> int:
        if self.callback:
            return int(await self.callback(url, headers, body))
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.post(url, json=body, headers=dict(headers), timeout=10)).status_code

    async def delivers(self, notices: Sequence[Resource] | None = None) -> list[int]:
        """To all subscribers; what each answered."""
        found = self.told if notices is None else notices
        every = [(one, said) for said in found for one in self.subscriptions.values()]
        return [await self._sent(one["callbackUrl"], {"Authorization": one["auth"]}, said) for one, said in every]


def fits(one: Resource, name: str, value: str) -> bool:
    field, _, how = name.partition("__")
    held = one.get(field)
    match how:
        case "isnull":
            return (held is None) == (value == "true")
        case "gt":
            return held is not None and bool(held > value)
        case "lt":
            return held is not None and bool(held < value)
        case _:
            return bool(held == value)


async def answered(send: Any, status: int, body: bytes, more: Mapping[str, str] = {}) -> None:
    kind = "application/json" if status < 400 else "application/problem+json"
    headers = [("content-type", kind), ("content-length", str(len(body))), ("api-version", "1.5.1"), *more.items()]
    await send(
        {"type": "http.response.start", "status": status, "headers": [(n.encode(), v.encode()) for n, v in headers]}
    )
    await send({"type": "http.response.body", "body": body})


def settings_of(home: str, **more: Any) -> dict[str, Any]:
    """The table zaken for it."""
    return {
        "zaken_url": f"{home}{ZAKEN}",
        "catalogi_url": f"{home}{CATALOGI}",
        "notificaties_url": f"{home}{NOTIFICATIES}",
        "client_id": CLIENT,
        "secret": SECRET,
        "callback_url": "http://localhost/zgw/notificaties",
        "callback_token": "a-token-for-these-tests-and-nothing-else",
        **more,
    }
