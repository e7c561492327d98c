"""What came out where the same was asked of Open Klant 2.18 and of this: the original is right in each of these."""

from typing import Any, Final

from services.klantinteracties.app import PREFIX
from tests.tools import ACTOR, BSN, CONTACT, NUMBER, OTHER_BSN, PERSON, Tool

IBAN: Final = "NL91ABNA0417164300"
COMPANY: Final = {"codeObjecttype": "niet_natuurlijk_persoon", "codeSoortObjectId": "kvk_nummer", "codeRegister": "hr"}
BRANCH: Final = {"codeObjecttype": "vestiging", "codeSoortObjectId": "vestigingsnummer", "codeRegister": "hr"}


def number(value: str, kind: dict[str, str], **said: Any) -> dict[str, Any]:
    return {"partijIdentificator": kind | {"objectId": value}} | said


async def test_a_party_that_has_much_still_has_all_of_it(tool: Tool) -> None:
    party = await tool.party(partijIdentificatoren=[NUMBER])
    for name in "abc":
        at = {"adres": f"{name}@example.nl", "soortDigitaalAdres": "email", "verstrektDoorPartij": party}
        last = await tool.post("digitaleadressen", at | {"isStandaardAdres": True})
    accounts = [{"uuid": (await tool.post("rekeningnummers", {"iban": IBAN, "partij": party}))["uuid"]} for _ in "ab"]
    path = f"partijen/{party['uuid']}"
    preferred = await tool.patch(path, voorkeursRekeningnummer=accounts[1])
    assert preferred["voorkeursRekeningnummer"]["uuid"] == accounts[1]["uuid"]
    assert len((await tool.patch(path, partijIdentificatoren=None))["partijIdentificatoren"]) == 1
    assert (await tool.patch(path, partijIdentificatoren=[]))["partijIdentificatoren"] == []
    nothing = await tool.patch(path, rekeningnummers=[], digitaleAdressen=None)
    assert (nothing["rekeningnummers"], nothing["digitaleAdressen"]) == ([], [])
    assert nothing["voorkeursRekeningnummer"] is None
    assert not (await tool.ask(f"digitaleadressen/{last['uuid']}"))["isStandaardAdres"]


async def test_a_party_is_not_given_two_numbers_of_a_sort_at_once(tool: Tool) -> None:
    other = {"partijIdentificator": NUMBER["partijIdentificator"] | {"objectId": OTHER_BSN}}
    assert await tool.faults("partijen", PERSON | {"partijIdentificatoren": [NUMBER, other]}) == {"__all__": "invalid"}
    wrong = {"partijIdentificator": NUMBER["partijIdentificator"] | {"objectId": "123456789"}}
    faults = await tool.faults("partijen", PERSON | {"partijIdentificatoren": [wrong]})
    assert faults == {"partijIdentificatoren.0.partijIdentificatorObjectId": "invalid"}


async def test_a_number_stays_while_another_hangs_on_it(tool: Tool) -> None:
    owner = await tool.party()
    above = await tool.post("partij-identificatoren", number("12345678", COMPANY, identificeerdePartij=owner))
    upper = {"subIdentificatorVan": {"uuid": above["uuid"]}}
    below = await tool.post("partij-identificatoren", number("000012345678", BRANCH, **upper))
    for path in (f"partij-identificatoren/{above['uuid']}", f"partijen/{owner['uuid']}"):
        answer = await tool.delete(path, 400)
        assert answer.json()["invalidParams"][0]["code"] == "invalid"
        assert (await tool.ask(path))["uuid"] in {above["uuid"], owner["uuid"]}
    await tool.delete(f"partij-identificatoren/{below['uuid']}")
    await tool.delete(f"partijen/{owner['uuid']}")
    assert await tool.results("partij-identificatoren") == []


async def test_other_numbers_than_a_branchs_may_hang_on_one_too(tool: Tool) -> None:
    above = await tool.post("partij-identificatoren", number("12345678", COMPANY))
    upper = {"subIdentificatorVan": {"uuid": above["uuid"]}}
    made = await tool.post("partij-identificatoren", NUMBER | upper)
    assert made["subIdentificatorVan"]["uuid"] == above["uuid"]
    itself = {"subIdentificatorVan": {"uuid": made["uuid"]}}
    answer = await tool.client.patch(f"{PREFIX}/partij-identificatoren/{made['uuid']}", json=itself)
    assert answer.status_code == 400


async def test_what_nobody_told_of_who_it_is_is_null(tool: Tool) -> None:
    details: tuple[dict[str, Any], ...] = ({}, {"partijIdentificatie": {}})
    for sort in ("persoon", "organisatie", "contactpersoon"):
        for detail in details:
            made = await tool.post("partijen", {"soortPartij": sort, "indicatieActief": True} | detail)
            assert made["partijIdentificatie"] is None
            assert (await tool.ask(f"partijen/{made['uuid']}")) == made
    assert (await tool.post("actoren", ACTOR))["actorIdentificatie"] is None
    known = await tool.post("partijen", PERSON)
    changed = await tool.patch(f"partijen/{known['uuid']}", soortPartij="organisatie")
    assert changed["partijIdentificatie"] is None


async def test_a_question_that_cannot_be_is_told_as_there(tool: Tool) -> None:
    for kind, asked, fault in (
        ("actoren", {"soortActor": "zz"}, ("soortActor", "invalid_choice")),
        ("partij-identificatoren", {"partijIdentificatorCodeRegister": "zz"}, (None, "invalid_choice")),
        ("internetaken", {"toegewezenAanActor__url": "zz"}, ("toegewezenAanActor__url", "invalid")),
        ("bijlagen", {"expand": "zz"}, ("nonFieldErrors", "unknown-parameters")),
        ("klantcontacten", {"expand": "zz"}, ("expand", "invalid_choice")),
    ):
        [told] = (await tool.ask(kind, 400, **asked))["invalidParams"]
        assert (fault[0] or next(iter(asked)), fault[1]) == (told["name"], told["code"])


FITS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("klantcontacten", CONTACT | {"nummer": "12"}),
    ("klantcontacten", CONTACT | {"indicatieContactGelukt": ""}),
    ("klantcontacten", CONTACT | {"indicatieContactGelukt": "null"}),
    ("klantcontacten", CONTACT | {"hoofdOnderwerpType": "ftp://example.nl/x"}),
    ("partijen", PERSON | {"bezoekadres": {"huisnummer": 99_999}}),
    ("digitaleadressen", {"soortDigitaalAdres": "email", "adres": "jan@localhost"}),
    ("digitaleadressen", {"soortDigitaalAdres": "email", "adres": "jan@café.nl"}),
    ("digitaleadressen", {"soortDigitaalAdres": "email", "adres": "jan@[127.0.0.1]"}),
    ("digitaleadressen", {"soortDigitaalAdres": "email", "adres": '"jan.jansen"@example.nl'}),
    ("digitaleadressen", {"soortDigitaalAdres": "email", "adres": f"{'x' * 66}@b.nl"}),
)
DOES_NOT: Final[tuple[tuple[str, dict[str, Any], dict[str, str]], ...]] = (
    ("klantcontacten", CONTACT | {"nummer": "12345678901"}, {"nummer": "max_length"}),
    ("klantcontacten", CONTACT | {"inhoud": "a\0b"}, {"inhoud": "null_characters_not_allowed"}),
    ("partijen", PERSON | {"bezoekadres": {"huisnummer": 0}}, {"bezoekadres.huisnummer": "min_value"}),
    ("partijen", PERSON | {"bezoekadres": {"huisnummer": 100_000}}, {"bezoekadres.huisnummer": "max_value"}),
    ("partijen", PERSON | {"digitaleAdressen": "x"}, {"digitaleAdressen.nonFieldErrors": "not_a_list"}),
    ("rekeningnummers", {"iban": IBAN, "bic": "ABNA"}, {"bic": "min_length"}),
    ("rekeningnummers", {"iban": IBAN, "partij": {"uuid": None}}, {"partij.uuid": "null"}),
    ("digitaleadressen", {"soortDigitaalAdres": "email", "adres": "jan@b.c"}, {"adres": "invalid"}),
    ("digitaleadressen", {"soortDigitaalAdres": "email", "adres": "é@b.nl"}, {"adres": "invalid"}),
    ("digitaleadressen", {"soortDigitaalAdres": "email", "adres": "a..b@b.nl"}, {"adres": "invalid"}),
    ("digitaleadressen", {"soortDigitaalAdres": "email", "adres": ".a@b.nl"}, {"adres": "invalid"}),
    ("digitaleadressen", {"soortDigitaalAdres": "email", "adres": ""}, {"adres": "blank"}),
)


async def test_what_fits_there_fits_here_and_what_does_not_does_not(tool: Tool) -> None:
    for kind, body in FITS:
        await tool.post(kind, body)
    for kind, body, faults in DOES_NOT:
        assert await tool.faults(kind, body) == faults, body


async def test_nobody_speaks_for_oneself(tool: Tool) -> None:
    party = await tool.party()
    body = {"vertegenwoordigendePartij": party, "vertegenwoordigdePartij": party}
    assert await tool.faults("vertegenwoordigingen", body) == {"vertegenwoordigdePartij": "invalid"}


async def test_a_task_has_each_actor_once_and_is_found_by_any_of_them(tool: Tool) -> None:
    first, second = [{"uuid": (await tool.post("actoren", ACTOR | {"naam": name}))["uuid"]} for name in ("Ans", "Bob")]
    contact = await tool.contact()
    task = {"gevraagdeHandeling": "Bel", "aanleidinggevendKlantcontact": contact, "status": "te_verwerken"}
    made = await tool.post("internetaken", task | {"toegewezenAanActoren": [first, second, first]})
    assert [one["uuid"] for one in made["toegewezenAanActoren"]] == [first["uuid"], second["uuid"]]
    for name, found in (("Ans", [made["uuid"]]), ("Bob", [made["uuid"]]), ("bob", [])):
        assert await tool.results("internetaken", actoren__naam=name) == found
    faults = await tool.faults("internetaken", {"status": "te_verwerken"})
    assert faults == {"gevraagdeHandeling": "required", "aanleidinggevendKlantcontact": "required"}


async def test_parties_of_any_of_several_categories(tool: Tool) -> None:
    parties = [await tool.party() for _ in "abc"]
    for party, name in zip(parties, ("Jong", "Oud", "Jongeren"), strict=True):
        group = {"uuid": (await tool.post("categorieen", {"naam": name}))["uuid"]}
        await tool.post("categorie-relaties", {"partij": party, "categorie": group})
    asked = "categorierelatie__categorie__naam"
    assert await tool.results("partijen", **{asked: "Jong"}) == [parties[0]["uuid"]]
    both = await tool.results("partijen", **{asked: "Oud,Jong"})
    assert sorted(both) == sorted(party["uuid"] for party in parties[:2])


async def test_an_empty_body_is_an_empty_object(tool: Tool) -> None:
    answer = await tool.client.post(f"{PREFIX}/categorieen")
    assert (answer.status_code, answer.json()["naam"]) == (201, "")
    assert (await tool.client.post(f"{PREFIX}/klantcontacten")).json()["code"] == "invalid"
    gone = await tool.delete(f"categorieen/{answer.json()['uuid']}")
    assert "content-type" not in gone.headers


async def test_at_its_own_address_it_says_what_there_is(tool: Tool) -> None:
    for path in (PREFIX, f"{PREFIX}/"):
        answer = await tool.client.get(path)
        assert answer.json()["klantcontacten"] == f"http://draad{PREFIX}/klantcontacten"
        assert answer.json().keys() >= {"maak-klantcontact", "partijen"}
        assert (await tool.client.post(path, json={})).status_code == 405


async def test_another_scheme_than_token_is_no_token(tool: Tool) -> None:
    answer = await tool.client.get(f"{PREFIX}/klantcontacten", headers={"Authorization": f"Bearer {BSN}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


async def test_what_is_gone_is_named_nowhere(tool: Tool) -> None:
    party, contact = await tool.party(), await tool.contact()
    took = await tool.took_part(contact, wasPartij=party)
    said = {"adres": "jan@example.nl", "soortDigitaalAdres": "email"}
    told = said | {"verstrektDoorBetrokkene": took}
    loose = await tool.post("digitaleadressen", told)
    mine = await tool.post("digitaleadressen", told | {"verstrektDoorPartij": party, "isStandaardAdres": True})
    account = await tool.post("rekeningnummers", {"iban": IBAN, "partij": party})
    preferred = {"voorkeursDigitaalAdres": {"uuid": mine["uuid"]}, "voorkeursRekeningnummer": {"uuid": account["uuid"]}}
    await tool.patch(f"partijen/{party['uuid']}", **preferred)
    await tool.delete(f"betrokkenen/{took['uuid']}")
    await tool.ask(f"digitaleadressen/{loose['uuid']}", 404)
    kept = await tool.ask(f"digitaleadressen/{mine['uuid']}")
    assert kept == mine | {"verstrektDoorBetrokkene": None}
    await tool.delete(f"digitaleadressen/{mine['uuid']}")
    await tool.delete(f"rekeningnummers/{account['uuid']}")
    left = await tool.ask(f"partijen/{party['uuid']}")
    assert (left["voorkeursDigitaalAdres"], left["voorkeursRekeningnummer"]) == (None, None)


async def test_an_address_goes_with_both_that_told_it(tool: Tool) -> None:
    party, contact = await tool.party(), await tool.contact()
    took = await tool.took_part(contact, wasPartij=party)
    both = {"verstrektDoorBetrokkene": took, "verstrektDoorPartij": party, "isStandaardAdres": True}
    mine = await tool.post("digitaleadressen", both | {"adres": "jan@example.nl", "soortDigitaalAdres": "email"})
    await tool.patch(f"partijen/{party['uuid']}", voorkeursDigitaalAdres={"uuid": mine["uuid"]})
    await tool.delete(f"partijen/{party['uuid']}")
    for kind in ("partijen", "digitaleadressen", "betrokkenen"):
        assert await tool.results(kind) == []


async def test_a_task_goes_on_without_an_actor_who_is_gone(tool: Tool) -> None:
    first, second = [{"uuid": (await tool.post("actoren", ACTOR | {"naam": name}))["uuid"]} for name in ("Ans", "Bob")]
    task = {"gevraagdeHandeling": "Bel", "aanleidinggevendKlantcontact": await tool.contact(), "status": "te_verwerken"}
    made = await tool.post("internetaken", task | {"toegewezenAanActoren": [first, second]})
    for gone, left in ((first, [second["uuid"]]), (second, [])):
        await tool.delete(f"actoren/{gone['uuid']}")
        now = await tool.ask(f"internetaken/{made['uuid']}")
        assert [one["uuid"] for one in now["toegewezenAanActoren"]] == left
    assert now["toegewezenAanActor"] is None


async def test_capitals_are_told_apart_in_a_name(tool: Tool) -> None:
    took = await tool.took_part(await tool.contact(), contactnaam={"voornaam": "Jan"})
    assert await tool.results("betrokkenen", contactnaamVoornaam="Jan") == [took["uuid"]]
    assert await tool.results("betrokkenen", contactnaamVoornaam="jan") == []


async def test_a_number_that_is_taken_is_named_where_it_was_given(tool: Tool) -> None:
    await tool.contact(nummer="12")
    faults = await tool.faults("maak-klantcontact", {"klantcontact": CONTACT | {"nummer": "12"}})
    assert faults == {"klantcontact.nummer": "unique"}
    faults = await tool.faults("maak-klantcontact", {"klantcontact": CONTACT, "betrokkene": "x"})
    assert faults == {"betrokkene.nonFieldErrors": "invalid"}
