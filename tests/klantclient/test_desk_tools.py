"""What ITA, Open Formulieren, Open Inwoner and OMC do over the Klantinteracties API, request by request."""

from uuid import uuid4

import httpx

from tests.klantclient.hands import Doc, bsn
from tests.klantclient.test_client import NTH, unique
from tests.klantclient.tools import (
    CASE,
    DEPARTMENT,
    EMPLOYEE,
    ITA_EXPAND,
    actor,
    got,
    kiss_call_back,
    kiss_party,
    made,
    many,
)


def test_ita_works_a_call_back_off_and_opens_it_again(tool: httpx.Client) -> None:
    case = str(uuid4())
    contact = kiss_call_back(tool, kiss_party(tool, bsn(next(NTH))), case, unique("Rijbewijs"))
    me = actor(tool, "Mies", "medewerker", EMPLOYEE | {"objectId": "mies@example.nl"})
    seen = got(tool.get(f"klantcontacten/{contact['uuid']}?expand={ITA_EXPAND}"))
    [task] = seen["_expand"]["leiddeTotInterneTaken"]
    [who] = seen["_expand"]["hadBetrokkenen"]
    assert {one["soortDigitaalAdres"] for one in who["_expand"]["digitaleAdressen"]} == {"email", "telefoonnummer"}
    assert who["_expand"]["wasPartij"]["soortPartij"] == "persoon"
    path = f"internetaken/{task['uuid']}"
    mine = got(tool.patch(path, json={"toegewezenAanActoren": [{"uuid": me["uuid"]}]}))
    assert [one["uuid"] for one in mine["toegewezenAanActoren"]] == [me["uuid"]]
    assert mine["toegewezenOp"] == task["toegewezenOp"]
    listed = many(tool, "internetaken", toegewezenAanActor__uuid=me["uuid"], status="te_verwerken")
    assert [one["uuid"] for one in listed] == [task["uuid"]]
    again = made(tool, "klantcontacten", called_back())
    answer = {"klantcontact": {"uuid": again["uuid"]}, "wasKlantcontact": {"uuid": contact["uuid"]}}
    link = made(tool, "onderwerpobjecten", answer | {"onderwerpobjectidentificator": None})
    moved = got(
        tool.patch(
            f"onderwerpobjecten/{link['uuid']}", json={"onderwerpobjectidentificator": CASE | {"objectId": case}}
        )
    )
    assert moved["onderwerpobjectidentificator"]["objectId"] == case
    done = got(tool.patch(path, json={"status": "verwerkt"}))
    assert (done["status"], bool(done["afgehandeldOp"])) == ("verwerkt", True)
    opened = got(tool.patch(path, json={"status": "te_verwerken"}))
    assert (opened["status"], opened["afgehandeldOp"]) == ("te_verwerken", None)
    query = {"onderwerpobject__onderwerpobjectidentificatorObjectId": case}
    found = many(tool, "klantcontacten", **query)
    assert {one["uuid"] for one in found} == {contact["uuid"], again["uuid"]}


def called_back() -> Doc:
    return {
        "kanaal": "Telefoon",
        "onderwerp": "Teruggebeld",
        "inhoud": "Niet bereikt",
        "indicatieContactGelukt": False,
        "taal": "nld",
        "vertrouwelijk": False,
    }


def test_ita_mends_a_contact_and_takes_one_away(tool: httpx.Client) -> None:
    contact = made(tool, "klantcontacten", called_back())
    mended = got(tool.put(f"klantcontacten/{contact['uuid']}", json=called_back() | {"onderwerp": "Gesproken"}))
    assert (mended["onderwerp"], mended["uuid"]) == ("Gesproken", contact["uuid"])
    gone = tool.delete(f"klantcontacten/{contact['uuid']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert got(tool.get(f"klantcontacten/{contact['uuid']}"), 404)["code"] == "not_found"


def test_open_formulieren_prefills_a_profile_and_writes_it_back(tool: httpx.Client) -> None:
    number = bsn(next(NTH))
    who = {
        "codeObjecttype": "natuurlijk_persoon",
        "codeRegister": "brp",
        "codeSoortObjectId": "bsn",
        "objectId": number,
    }
    query = {f"verstrektDoorPartij__partijIdentificator__{name}": value for name, value in who.items()}
    query |= {"verstrektDoorPartij__soortPartij": "persoon"}
    assert many(tool, "digitaleadressen", **query) == []
    sent = {"klantcontact": called_back() | {"kanaal": "Webformulier", "indicatieContactGelukt": True}}
    about = {
        "codeObjecttype": "formulierinzending",
        "codeRegister": "Open Formulieren",
        "codeSoortObjectId": "public_registration_reference",
        "objectId": f"OF-{uuid4().hex[:5].upper()}",
    }
    whose = {"rol": "klant", "organisatienaam": "", "initiator": True, "wasPartij": None}
    body = sent | {"betrokkene": whose, "onderwerpobject": {"onderwerpobjectidentificator": about}}
    kept = made(tool, "maak-klantcontact", body)
    assert kept["onderwerpobject"]["klantcontact"]["uuid"] == kept["klantcontact"]["uuid"]
    party = kiss_party(tool, number)
    address = {
        "verstrektDoorBetrokkene": {"uuid": kept["betrokkene"]["uuid"]},
        "verstrektDoorPartij": {"uuid": party["uuid"]},
        "adres": f"{uuid4().hex[:8]}@example.nl",
        "soortDigitaalAdres": "email",
        "omschrijving": "",
        "isStandaardAdres": True,
        "referentie": "portaalvoorkeur",
    }
    first = made(tool, "digitaleadressen", address)
    [found] = many(tool, "digitaleadressen", **query)
    assert (found["uuid"], found["isStandaardAdres"]) == (first["uuid"], True)
    second = made(tool, "digitaleadressen", address | {"adres": f"{uuid4().hex[:8]}@example.nl", "referentie": ""})
    assert got(tool.get(f"digitaleadressen/{first['uuid']}"))["isStandaardAdres"] is False
    back = got(tool.patch(f"digitaleadressen/{first['uuid']}", json={"isStandaardAdres": True}))
    assert back["isStandaardAdres"] is True
    assert got(tool.get(f"digitaleadressen/{second['uuid']}"))["isStandaardAdres"] is False


def test_open_inwoner_asks_a_question_and_shows_its_answer(tool: httpx.Client) -> None:
    party = kiss_party(tool, bsn(next(NTH)))
    question = made(
        tool, "klantcontacten", called_back() | {"kanaal": "contactformulier", "onderwerp": unique("Vraag")}
    )
    who = {"rol": "klant", "organisatienaam": "", "initiator": True, "contactnaam": None}
    ref = {"uuid": question["uuid"]}
    made(tool, "betrokkenen", who | {"wasPartij": {"uuid": party["uuid"]}, "hadKlantcontact": ref})
    owner = actor(tool, "Loket", "organisatorische_eenheid", DEPARTMENT | {"objectId": "loket"})
    task = made(
        tool,
        "internetaken",
        {
            "gevraagdeHandeling": "Vraag beantwoorden in aanleidinggevend klantcontact",
            "aanleidinggevendKlantcontact": ref,
            "toegewezenAanActor": {"uuid": owner["uuid"]},
            "toelichting": "",
            "status": "te_verwerken",
        },
    )
    assert task["toegewezenAanActor"]["uuid"] == owner["uuid"]
    assert [one["uuid"] for one in task["toegewezenAanActoren"]] == [owner["uuid"]]
    answer = made(tool, "klantcontacten", called_back() | {"inhoud": "U kunt het ophalen."})
    link = {"klantcontact": {"uuid": answer["uuid"]}, "wasKlantcontact": ref, "onderwerpobjectidentificator": None}
    made(tool, "onderwerpobjecten", link)
    mine = many(tool, "klantcontacten", hadBetrokkene__wasPartij__uuid=party["uuid"])
    assert [one["uuid"] for one in mine] == [question["uuid"]]
    [reply] = many(tool, "onderwerpobjecten", wasKlantcontact__uuid=question["uuid"])
    assert reply["klantcontact"]["uuid"] == answer["uuid"]
    changed = got(tool.patch(f"partijen/{party['uuid']}", json={"soortPartij": "persoon", "voorkeurstaal": "nld"}))
    assert changed["voorkeurstaal"] == "nld"


def test_omc_tells_whom_it_told(tool: httpx.Client) -> None:
    number, case = bsn(next(NTH)), str(uuid4())
    party = kiss_party(tool, number)
    query = {
        "partijIdentificator__codeSoortObjectId": "bsn",
        "partijIdentificator__objectId": number,
        "expand": "digitaleAdressen",
    }
    [found] = many(tool, "partijen", **query)
    assert found["_expand"]["digitaleAdressen"] == []
    body = {
        "klantcontact": {
            "kanaal": "Email",
            "onderwerp": "Uw aanvraag",
            "inhoud": "Uw aanvraag is in behandeling.",
            "indicatieContactGelukt": True,
            "taal": "nl",
            "vertrouwelijk": False,
            "plaatsgevondenOp": "2026-11-20T10:00:00+01:00",
        },
        "betrokkene": {
            "wasPartij": {"uuid": party["uuid"]},
            "rol": "klant",
            "initiator": True,
            "organisatienaam": "",
        },
        "onderwerpobject": {"onderwerpobjectidentificator": CASE | {"objectId": case}},
    }
    told = made(tool, "maak-klantcontact", body)
    assert (told["klantcontact"]["kanaal"], told["klantcontact"]["taal"]) == ("Email", "nl")
    assert told["betrokkene"]["wasPartij"]["uuid"] == party["uuid"]
    four = {f"onderwerpobject__onderwerpobjectidentificator{k[0].upper()}{k[1:]}": v for k, v in CASE.items()}
    four |= {"onderwerpobject__onderwerpobjectidentificatorObjectId": case}
    assert [one["uuid"] for one in many(tool, "klantcontacten", **four)] == [told["klantcontact"]["uuid"]]
