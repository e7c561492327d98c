"""How desk tools speak: what all of them do, and the steps in which KISS saves a call-back."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

import httpx

from tests.klantclient.hands import Doc

KISS_CASE: Final = {"codeObjecttype": "zgw-Zaak", "codeRegister": "openzaak", "codeSoortObjectId": "uuid"}
EMPLOYEE: Final = {"codeObjecttype": "mdw", "codeRegister": "msei", "codeSoortObjectId": "email"}
DEPARTMENT: Final = {"codeObjecttype": "afd", "codeRegister": "obj", "codeSoortObjectId": "idf"}
CASE: Final = {"codeObjecttype": "zaak", "codeRegister": "open-zaak", "codeSoortObjectId": "uuid"}
KISS_EXPAND: Final = "leiddeTotInterneTaken,gingOverOnderwerpobjecten"
ITA_EXPAND: Final = (
    "leiddeTotInterneTaken,gingOverOnderwerpobjecten,hadBetrokkenen,"
    "hadBetrokkenen.digitaleAdressen,hadBetrokkenen.wasPartij"
)


def got(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["api-version"] == "0.9.0"
    assert answer.headers["content-type"].startswith("application/json")
    return answer.json()


def made(tool: httpx.Client, resource: str, body: Mapping[str, Any]) -> Doc:
    answer = tool.post(resource, json=body)
    found: Doc = got(answer, 201)
    if resource != "maak-klantcontact":
        assert answer.headers["location"] == found["url"]
        assert got(tool.get(found["url"])) == found
    return found


def many(tool: httpx.Client, resource: str, **query: str) -> list[Doc]:
    body = got(tool.get(f"{resource}?{urlencode(query)}"))
    found: list[Doc] = body["results"]
    assert body["count"] >= len(found)
    return found


def actor(tool: httpx.Client, name: str, kind: str, key: Mapping[str, str]) -> Doc:
    """Looked for by all four, and made where there is none."""
    query = {f"actoridentificator{word[0].upper()}{word[1:]}": value for word, value in key.items()}
    if found := many(tool, "actoren", **query):
        return found[0]
    body = {"naam": name, "soortActor": kind, "indicatieActief": True, "actoridentificator": dict(key)}
    return made(tool, "actoren", body)


def kiss_party(tool: httpx.Client, number: str) -> Doc:
    """Somebody whom KISS has not met before: the party, and then the number that says who it is."""
    query = {
        "expand": "digitaleAdressen",
        "soortPartij": "persoon",
        "partijIdentificator__codeSoortObjectId": "bsn",
        "partijIdentificator__objectId": number,
    }
    assert many(tool, "partijen", **query) == []
    empty = ("digitaleAdressen", "betrokkenen", "categorieRelaties", "vertegenwoordigden", "rekeningnummers")
    body: Doc = {name: [] for name in (*empty, "partijIdentificatoren")} | {
        "voorkeursDigitaalAdres": None,
        "voorkeursRekeningnummer": None,
        "indicatieGeheimhouding": False,
        "indicatieActief": True,
        "partijIdentificatie": {"contactnaam": None},
        "soortPartij": "persoon",
    }
    party = made(tool, "partijen", body)
    identity = {
        "identificeerdePartij": {"url": party["url"], "uuid": party["uuid"]},
        "partijIdentificator": {
            "codeObjecttype": "natuurlijk_persoon",
            "codeRegister": "brp",
            "codeSoortObjectId": "bsn",
            "objectId": number,
        },
    }
    identifier = made(tool, "partij-identificatoren", identity)
    [found] = many(tool, "partijen", **query)
    assert [one["uuid"] for one in found["partijIdentificatoren"]] == [identifier["uuid"]]
    return party


def kiss_contact(tool: httpx.Client, said: str) -> Doc:
    """The contact, and who of the contact centre had it."""
    me = actor(tool, "Joop", "medewerker", EMPLOYEE | {"objectId": "joop@example.nl"})
    contact = made(
        tool,
        "klantcontacten",
        {
            "nummer": "",
            "kanaal": "Telefoon",
            "onderwerp": said,
            "inhoud": "Graag terugbellen over de aanvraag.",
            "indicatieContactGelukt": True,
            "taal": "nld",
            "vertrouwelijk": False,
            "plaatsgevondenOp": "2026-11-20T09:30:00.000Z",
        },
    )
    ref = {"uuid": contact["uuid"]}
    made(tool, "actorklantcontacten", {"actor": {"uuid": me["uuid"]}, "klantcontact": ref})
    return contact


def kiss_call_back(tool: httpx.Client, party: Doc, case: str, said: str) -> Doc:
    """The seven steps in which KISS saves a call-back; returns the contact."""
    contact = kiss_contact(tool, said)
    ref = {"uuid": contact["uuid"]}
    who = made(
        tool,
        "betrokkenen",
        {
            "wasPartij": {"uuid": party["uuid"]},
            "hadKlantcontact": ref,
            "rol": "klant",
            "initiator": True,
            "organisatienaam": "",
            "contactnaam": {"voorletters": "", "voornaam": "", "voorvoegselAchternaam": "", "achternaam": ""},
        },
    )
    for kind, value in (("telefoonnummer", "0612345678"), ("email", f"{uuid4().hex[:8]}@example.nl")):
        reach = {"adres": value, "soortDigitaalAdres": kind, "omschrijving": "onbekend"}
        whose = {"verstrektDoorBetrokkene": {"uuid": who["uuid"]}, "verstrektDoorPartij": None}
        made(tool, "digitaleadressen", whose | reach)
    made(
        tool,
        "onderwerpobjecten",
        {
            "klantcontact": ref,
            "wasKlantcontact": None,
            "onderwerpobjectidentificator": KISS_CASE | {"objectId": case},
        },
    )
    department = actor(tool, "Burgerzaken", "organisatorische_eenheid", DEPARTMENT | {"objectId": "burgerzaken"})
    task = made(
        tool,
        "internetaken",
        {
            "nummer": "",
            "gevraagdeHandeling": "Contact opnemen met betrokkene",
            "aanleidinggevendKlantcontact": ref,
            "toegewezenAanActoren": [{"uuid": department["uuid"]}],
            "toelichting": "Na vijven bereikbaar",
            "status": "te_verwerken",
        },
    )
    assert [one["uuid"] for one in task["toegewezenAanActoren"]] == [department["uuid"]]
    return contact
