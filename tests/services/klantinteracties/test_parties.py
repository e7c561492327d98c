"""Parties, their numbers and addresses: written by a tool, and known at the desk."""

import json
from typing import Any, Final

from services.klantinteracties.app import PREFIX
from tests.tools import BSN, NOWHERE, NUMBER, OTHER_BSN, PERSON, Tool

COMPANY: dict[str, Any] = {
    "soortPartij": "organisatie",
    "indicatieActief": True,
    "partijIdentificatie": {"naam": "Jansen BV"},
    "digitaleAdressen": None,
    "rekeningnummers": None,
    "voorkeursDigitaalAdres": None,
    "voorkeursRekeningnummer": None,
}


def number(sort: str, value: str, kind: str = "niet_natuurlijk_persoon", register: str = "hr") -> dict[str, Any]:
    codes = {"codeObjecttype": kind, "codeSoortObjectId": sort, "codeRegister": register}
    return {"partijIdentificator": {**codes, "objectId": value}}


async def test_a_party_comes_with_its_numbers_and_is_found_by_each_part_of_them(tool: Tool) -> None:
    made = await tool.post("partijen", PERSON | {"partijIdentificatoren": [NUMBER], "betrokkenen": []})
    assert made["partijIdentificatie"]["volledigeNaam"] == "Jan Jansen"
    [kept] = made["partijIdentificatoren"]
    assert kept["partijIdentificator"]["objectId"] == BSN
    assert kept["identificeerdePartij"]["uuid"] == made["uuid"]
    assert made == await tool.ask(f"partijen/{made['uuid']}")
    asked = {f"partijIdentificator__{part}": value for part, value in NUMBER["partijIdentificator"].items()}
    assert await tool.results("partijen", **asked, soortPartij="persoon") == [made["uuid"]]
    assert await tool.results("partijen", partijIdentificator__objectId=BSN) == [made["uuid"]]
    assert await tool.results("partijen", partijIdentificator__objectId=OTHER_BSN) == []
    assert await tool.results("partij-identificatoren", partijIdentificatorObjectId=BSN) == [kept["uuid"]]


async def test_no_number_lies_readable_on_the_log_or_in_a_view(tool: Tool) -> None:
    party = await tool.party(partijIdentificatoren=[NUMBER])
    log = await tool.house.engine.read(0, 100)
    assert "party.identifier-set" in [one.type for one in log]
    assert not [one for one in log if BSN in one.data or BSN in one.subject]
    rows = await tool.stored()
    assert rows
    assert not [row for row in rows if BSN in json.dumps(row)]
    assert BSN in json.dumps(await tool.ask(f"partijen/{party['uuid']}"))


async def test_who_asks_by_post_leaves_no_number_in_an_address(tool: Tool) -> None:
    made = [await tool.party(partijIdentificatoren=[NUMBER]), await tool.party()]
    asked = {"partijIdentificator__objectId": BSN, "pageSize": 1}
    answer = await tool.client.post(f"{PREFIX}/partijen/_zoek", json=asked | {"expand": "digitaleAdressen"})
    assert answer.status_code == 200
    [found] = answer.json()["results"]
    assert found["uuid"] == made[0]["uuid"]
    assert found["_expand"] == {"digitaleAdressen": []}
    page = (await tool.client.post(f"{PREFIX}/partijen/_zoek", json={"pageSize": 1, "indicatieActief": True})).json()
    assert (page["count"], page["next"]) == (2, f"http://draad{PREFIX}/partijen/_zoek?pageSize=1&page=2")
    wrong = await tool.client.post(f"{PREFIX}/partijen/_zoek", json={"soort": BSN})
    assert wrong.status_code == 400
    assert BSN not in wrong.text


PERSONAL: Final = ("natuurlijk_persoon", "brp")
IMPOSSIBLE: Final[tuple[tuple[dict[str, Any], str], ...]] = (
    (number("bsn", "123456789", *PERSONAL), "partijIdentificatorObjectId"),
    (number("bsn", "000000000", *PERSONAL), "partijIdentificatorObjectId"),
    (number("bsn", "12345678", *PERSONAL), "partijIdentificatorObjectId"),
    (number("rsin", "123456789"), "partijIdentificatorObjectId"),
    (number("kvk_nummer", "1234567"), "partijIdentificatorObjectId"),
    (number("kvk_nummer", "1234567x"), "partijIdentificatorObjectId"),
    (number("bsn", BSN), "partijIdentificatorCodeSoortObjectId"),
    (number("kvk_nummer", "12345678", register="brp"), "partijIdentificatorCodeObjecttype"),
    (number("vestigingsnummer", "123456789012", "vestiging"), "subIdentificatorVan"),
    ({"partijIdentificator": {"objectId": BSN}}, "partijIdentificator.codeRegister"),
    ({}, "partijIdentificator"),
)


async def test_a_number_that_cannot_be_is_refused_and_not_repeated(tool: Tool) -> None:
    for given, field in IMPOSSIBLE:
        answer = await tool.client.post(f"{PREFIX}/partij-identificatoren", json=given)
        assert answer.status_code == 400
        assert field in [one["name"] for one in answer.json()["invalidParams"]]
        assert given.get("partijIdentificator", {}).get("objectId", "-----") not in answer.text
        nested = await tool.faults("partijen", PERSON | {"partijIdentificatoren": [given]})
        assert any(name.startswith("partij") for name in nested)


async def test_a_branch_belongs_to_a_company_by_its_number(tool: Tool) -> None:
    company, branch = await tool.post("partijen", COMPANY), await tool.post("partijen", COMPANY)
    owned = {"identificeerdePartij": {"uuid": company["uuid"]}}
    kvk = await tool.post("partij-identificatoren", number("kvk_nummer", "12345678") | owned)
    below = {"identificeerdePartij": {"uuid": branch["uuid"]}, "subIdentificatorVan": {"uuid": kvk["uuid"]}}
    made = await tool.post("partij-identificatoren", number("vestigingsnummer", "000012345678", "vestiging") | below)
    asked = {"subIdentificatorVan__objectId": "12345678", "partijIdentificator__objectId": "000012345678"}
    assert await tool.results("partijen", **asked) == [branch["uuid"]]
    circular = await tool.client.patch(
        f"{PREFIX}/partij-identificatoren/{made['uuid']}", json={"subIdentificatorVan": {"uuid": made["uuid"]}}
    )
    assert circular.status_code == 400


async def test_a_number_is_one_partys_and_a_party_has_one_of_each_sort(tool: Tool) -> None:
    party = await tool.party(partijIdentificatoren=[NUMBER])
    assert await tool.faults("partijen", PERSON | {"partijIdentificatoren": [NUMBER]}) == {"__all__": "invalid"}
    other = number("bsn", OTHER_BSN, "natuurlijk_persoon", "brp") | {"identificeerdePartij": party}
    faults = await tool.faults("partij-identificatoren", other)
    assert faults == {"__all__": "invalid"}
    company = number("kvk_nummer", "12345678") | {"identificeerdePartij": party}
    faults = await tool.faults("partijen", COMPANY | {"partijIdentificatoren": [company]})
    assert faults == {"partijIdentificatoren.identificeerdePartij": "invalid"}


async def test_a_partys_numbers_are_those_that_it_is_given(tool: Tool) -> None:
    party = await tool.party(partijIdentificatoren=[NUMBER])
    path = f"partijen/{party['uuid']}"
    new = number("bsn", OTHER_BSN, "natuurlijk_persoon", "brp")
    changed = await tool.patch(path, partijIdentificatoren=[new])
    assert [one["partijIdentificator"]["objectId"] for one in changed["partijIdentificatoren"]] == [OTHER_BSN]
    assert await tool.results("partijen", partijIdentificator__objectId=BSN) == []
    kept = await tool.patch(path, interneNotitie="x")
    assert kept["partijIdentificatoren"] == changed["partijIdentificatoren"]
    assert (await tool.patch(path, partijIdentificatoren=[]))["partijIdentificatoren"] == []
    assert await tool.facts("party.identifier-unset") == 2


async def test_one_address_of_a_kind_is_the_default(tool: Tool) -> None:
    party = await tool.party()
    mine = {"verstrektDoorPartij": party, "isStandaardAdres": True}
    first = await tool.post("digitaleadressen", mine | {"adres": "a@example.nl", "soortDigitaalAdres": "email"})
    phone = await tool.post("digitaleadressen", mine | {"adres": "0612345678", "soortDigitaalAdres": "telefoonnummer"})
    second = await tool.post("digitaleadressen", mine | {"adres": "b@example.nl", "soortDigitaalAdres": "email"})
    found = await tool.results("digitaleadressen", isStandaardAdres="true")
    assert sorted(found) == sorted([phone["uuid"], second["uuid"]])
    assert (await tool.patch(f"digitaleadressen/{first['uuid']}", isStandaardAdres=True))["isStandaardAdres"]
    assert not (await tool.ask(f"digitaleadressen/{second['uuid']}"))["isStandaardAdres"]
    alone = {"adres": "c@example.nl", "soortDigitaalAdres": "email", "isStandaardAdres": True}
    assert await tool.faults("digitaleadressen", alone) == {"isStandaardAdres": "invalid"}


async def test_an_address_that_cannot_be_is_refused_and_not_repeated(tool: Tool) -> None:
    for sort, value in (
        ("email", "geen adres"),
        ("email", "a@b"),
        ("telefoonnummer", "0800-1234"),
        ("telefoonnummer", "0900123456"),
        ("telefoonnummer", "14030"),
        ("telefoonnummer", "06-12345678"),
    ):
        answer = await tool.client.post(f"{PREFIX}/digitaleadressen", json={"adres": value, "soortDigitaalAdres": sort})
        assert [one["name"] for one in answer.json()["invalidParams"]] == ["adres"]
        assert value not in answer.text


async def test_addresses_are_found_by_what_they_are_and_whose(tool: Tool) -> None:
    party = await tool.party(partijIdentificatoren=[NUMBER])
    said = {"soortDigitaalAdres": "email", "verstrektDoorPartij": party, "referentie": "portaalvoorkeur"}
    mine = await tool.post("digitaleadressen", said | {"adres": "Jan@Example.nl", "verificatieDatum": "2026-01-02"})
    loose = await tool.post("digitaleadressen", {"adres": "0612345678", "soortDigitaalAdres": "telefoonnummer"})
    for asked, found in (
        ({"adres": "Jan@Example.nl"}, mine),
        ({"adres": "jan@example.nl"}, None),
        ({"adres__icontains": "EXAMPLE"}, mine),
        ({"soortDigitaalAdres": "telefoonnummer"}, loose),
        ({"referentie": "portaalvoorkeur"}, mine),
        ({"verificatieDatum__gt": "2026-01-01"}, mine),
        ({"verificatieDatum__lt": "2026-01-02"}, None),
        ({"isGeverifieerd": "false"}, loose),
        ({"verstrektDoorPartij__uuid": party["uuid"]}, mine),
        ({"verstrektDoorPartij__soortPartij": "persoon"}, mine),
        ({"verstrektDoorPartij__partijIdentificator__objectId": BSN}, mine),
        ({"verstrektDoorBetrokkene__uuid": NOWHERE}, None),
    ):
        assert await tool.results("digitaleadressen", **asked) == ([found["uuid"]] if found else []), asked
    again = said | {"adres": "x@example.nl"}
    assert await tool.faults("digitaleadressen", again) == {"nonFieldErrors": "unique"}


async def test_an_address_moves_from_one_to_another(tool: Tool) -> None:
    party, other = await tool.party(), await tool.party()
    said = {"adres": "a@example.nl", "soortDigitaalAdres": "email"}
    loose = await tool.post("digitaleadressen", said)
    path = f"digitaleadressen/{loose['uuid']}"
    for whose in (party, other):
        assert (await tool.patch(path, verstrektDoorPartij=whose))["verstrektDoorPartij"]["uuid"] == whose["uuid"]
        assert await tool.results("digitaleadressen") == [loose["uuid"]]
    assert (await tool.ask(f"partijen/{party['uuid']}"))["digitaleAdressen"] == []
    assert [one["uuid"] for one in (await tool.ask(f"partijen/{other['uuid']}"))["digitaleAdressen"]] == [loose["uuid"]]
    assert (await tool.patch(path, verstrektDoorPartij=None))["verstrektDoorPartij"] is None
    assert (await tool.facts("party.address-linked"), await tool.facts("party.address-unlinked")) == (2, 2)


async def test_a_party_is_given_its_addresses_and_which_it_prefers(tool: Tool) -> None:
    loose = await tool.post("digitaleadressen", {"adres": "a@example.nl", "soortDigitaalAdres": "email"})
    mine = {"uuid": loose["uuid"]}
    party = await tool.post("partijen", PERSON | {"digitaleAdressen": [mine], "voorkeursDigitaalAdres": mine})
    assert party["digitaleAdressen"][0]["uuid"] == party["voorkeursDigitaalAdres"]["uuid"] == loose["uuid"]
    assert party == await tool.ask(f"partijen/{party['uuid']}")
    strange = PERSON | {"digitaleAdressen": [], "voorkeursDigitaalAdres": mine}
    assert await tool.faults("partijen", strange) == {"voorkeursDigitaalAdres": "invalid"}
    nobody = PERSON | {"digitaleAdressen": [{"uuid": NOWHERE}]}
    assert await tool.faults("partijen", nobody) == {"digitaleAdressen.0.uuid": "invalid"}


async def test_a_contact_person_works_for_an_organisation_and_for_nobody_else(tool: Tool) -> None:
    company, person = await tool.post("partijen", COMPANY), await tool.party()
    for_whom = {"soortPartij": "contactpersoon", "indicatieActief": True}
    detail = {"contactnaam": {"achternaam": "Vos"}}
    works = {"werkteVoorPartij": {"uuid": company["uuid"]}}
    made = await tool.post("partijen", for_whom | {"partijIdentificatie": detail | works})
    assert made["partijIdentificatie"]["werkteVoorPartij"]["url"].endswith(company["uuid"])
    assert made["partijIdentificatie"]["volledigeNaam"] == "Vos"
    wrong = for_whom | {"partijIdentificatie": detail | {"werkteVoorPartij": person}}
    assert await tool.faults("partijen", wrong) == {"partijIdentificatie.werkteVoorPartij.uuid": "invalid"}


async def test_a_partys_whole_picture_is_one_request(tool: Tool) -> None:
    party = await tool.party(partijIdentificatoren=[NUMBER])
    contact = await tool.contact()
    await tool.took_part(contact, wasPartij=party)
    asked = "digitaleAdressen,betrokkenen.hadKlantcontact.leiddeTotInterneTaken"
    [shown] = (await tool.ask("partijen", partijIdentificator__objectId=BSN, expand=asked))["results"]
    [took_part] = shown["_expand"]["betrokkenen"]
    seen = took_part["_expand"]["hadKlantcontact"]
    assert (seen["uuid"], seen["_expand"]) == (contact["uuid"], {"leiddeTotInterneTaken": []})


async def test_a_party_that_goes_takes_along_what_is_only_its_own(tool: Tool) -> None:
    party, contact = await tool.party(partijIdentificatoren=[NUMBER]), await tool.contact()
    who = await tool.took_part(contact, wasPartij=party)
    said = {"adres": "a@example.nl", "soortDigitaalAdres": "email", "verstrektDoorPartij": party}
    at = await tool.post("digitaleadressen", said)
    await tool.delete(f"partijen/{party['uuid']}")
    for path in (f"partijen/{party['uuid']}", f"betrokkenen/{who['uuid']}", f"digitaleadressen/{at['uuid']}"):
        await tool.ask(path, 404)
    assert await tool.results("partij-identificatoren") == []
    assert await tool.results("klantcontacten") == [contact["uuid"]]
    assert (await tool.post("partijen", PERSON | {"partijIdentificatoren": [NUMBER]}))["uuid"] != party["uuid"]
