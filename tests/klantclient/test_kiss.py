"""What KISS does over the Klantinteracties API, request by request as it sends them."""

from uuid import uuid4

import httpx

from tests.klantclient.hands import Doc, bsn
from tests.klantclient.test_client import NTH, unique
from tests.klantclient.tools import KISS_EXPAND, got, kiss_call_back, kiss_party, made, many


def test_kiss_saves_a_call_back_in_seven_steps_and_shows_who_the_customer_is(tool: httpx.Client) -> None:
    number, case = bsn(next(NTH)), str(uuid4())
    party = kiss_party(tool, number)
    contacts = [kiss_call_back(tool, party, case, unique("Paspoort")) for _ in range(3)]
    told = many(tool, "betrokkenen", wasPartij__url=party["url"], pageSize="100")
    assert {one["hadKlantcontact"]["uuid"] for one in told} == {one["uuid"] for one in contacts}
    for one in told:
        seen = got(tool.get(f"klantcontacten/{one['hadKlantcontact']['uuid']}?expand={KISS_EXPAND}"))
        [task] = seen["_expand"]["leiddeTotInterneTaken"]
        [subject] = seen["_expand"]["gingOverOnderwerpobjecten"]
        assert subject["onderwerpobjectidentificator"]["objectId"] == case
        assert [who["naam"] for who in seen["hadBetrokkenActoren"]] == ["Joop"]
        [assignee] = [got(tool.get(f"actoren/{whose['uuid']}")) for whose in task["toegewezenAanActoren"]]
        assert assignee["soortActor"] == "organisatorische_eenheid"
        reached = [
            got(tool.get(f"digitaleadressen/{address['uuid']}?"))["adres"] for address in one["digitaleAdressen"]
        ]
        assert "0612345678" in reached
    found = many(tool, "klantcontacten", onderwerpobject__onderwerpobjectidentificatorObjectId=case)
    assert {one["uuid"] for one in found} == {one["uuid"] for one in contacts}


def test_kiss_finds_a_call_back_by_the_address_that_was_left(tool: httpx.Client) -> None:
    contact = kiss_call_back(tool, kiss_party(tool, bsn(next(NTH))), str(uuid4()), unique("Parkeren"))
    deep = "verstrektDoorBetrokkene,verstrektDoorBetrokkene.hadKlantcontact,"
    deep += "verstrektDoorBetrokkene.hadKlantcontact.leiddeTotInterneTaken"
    whole = got(tool.get(f"klantcontacten/{contact['uuid']}?expand=hadBetrokkenen,hadBetrokkenen.digitaleAdressen"))
    [who] = whole["_expand"]["hadBetrokkenen"]
    [mail] = [one["adres"] for one in who["_expand"]["digitaleAdressen"] if one["soortDigitaalAdres"] == "email"]
    [found] = many(tool, "digitaleadressen", adres=mail, page="1", expand=deep)
    behind = found["_expand"]["verstrektDoorBetrokkene"]["_expand"]["hadKlantcontact"]
    assert behind["uuid"] == contact["uuid"]
    assert len(behind["_expand"]["leiddeTotInterneTaken"]) == 1


def test_kiss_registers_a_branch_under_its_company(tool: httpx.Client) -> None:
    company, branch = f"{20_000_000 + next(NTH)}", f"{100_000_000_000 + next(NTH)}"
    kvk = {"codeObjecttype": "niet_natuurlijk_persoon", "codeRegister": "hr", "codeSoortObjectId": "kvk_nummer"}
    own = {"codeObjecttype": "vestiging", "codeRegister": "hr", "codeSoortObjectId": "vestigingsnummer"}
    asked = {"partijIdentificatorCodeSoortObjectId": "kvk_nummer", "partijIdentificatorObjectId": company}
    assert many(tool, "partij-identificatoren", **asked) == []
    unowned = {"identificeerdePartij": None, "partijIdentificator": kvk | {"objectId": company}}
    above = made(tool, "partij-identificatoren", unowned)
    empty = ("digitaleAdressen", "rekeningnummers", "partijIdentificatoren")
    body: Doc = {name: [] for name in empty} | {
        "voorkeursDigitaalAdres": None,
        "voorkeursRekeningnummer": None,
        "indicatieActief": True,
        "partijIdentificatie": {"naam": ""},
        "soortPartij": "organisatie",
    }
    party = made(tool, "partijen", body)
    below = {
        "identificeerdePartij": {"url": party["url"], "uuid": party["uuid"]},
        "partijIdentificator": own | {"objectId": branch},
        "subIdentificatorVan": {"uuid": above["uuid"]},
    }
    assert made(tool, "partij-identificatoren", below)["subIdentificatorVan"]["uuid"] == above["uuid"]
    other = made(tool, "partijen", body)
    change = {"identificeerdePartij": {"uuid": other["uuid"]}, "partijIdentificator": kvk | {"objectId": company}}
    owned = got(tool.put(f"partij-identificatoren/{above['uuid']}", json=change))
    assert owned["identificeerdePartij"]["uuid"] == other["uuid"]
    query = {"partijIdentificator__codeSoortObjectId": "vestigingsnummer", "partijIdentificator__objectId": branch}
    [found] = many(tool, "partijen", expand="digitaleAdressen", soortPartij="organisatie", **query)
    assert found["uuid"] == party["uuid"]
