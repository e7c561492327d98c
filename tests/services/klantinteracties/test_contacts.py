"""Contacts: registered by a tool, found in every way that tools look for them, and the same contact at the desk."""

from typing import Any

import pytest

from services.klantinteracties.app import PREFIX
from tests.tools import CASE, CONTACT, KISS_CASE, NOWHERE, Tool


async def test_a_contact_is_registered_and_read_back_as_it_was_written(tool: Tool) -> None:
    answer = await tool.client.post(
        f"{PREFIX}/klantcontacten", json=CONTACT | {"inhoud": "Is het klaar?", "nummer": ""}
    )
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == made["url"] == f"http://draad{PREFIX}/klantcontacten/{made['uuid']}"
    assert answer.headers["api-version"] == "0.9.0"
    assert answer.headers["content-type"] == "application/json"
    assert made == await tool.ask(f"klantcontacten/{made['uuid']}")
    assert made["nummer"] is None
    wanted = {"kanaal": "Telefoon", "inhoud": "Is het klaar?", "plaatsgevondenOp": "2026-11-23T09:00:00Z"}
    assert wanted.items() <= made.items()
    assert {"reactie": "", "indicatieContactGelukt": None, "metadata": {}, "hadBetrokkenen": []}.items() <= made.items()


async def test_what_a_tool_registers_stands_in_the_story_of_the_desk_and_does_not_wait(whole: Tool) -> None:
    contact = await whole.contact(inhoud="Is het klaar?")
    await whole.post("onderwerpobjecten", {"klantcontact": contact, "onderwerpobjectidentificator": KISS_CASE})
    story = await whole.story(f"cases/{CASE}")
    assert ("contact.received", "Is het klaar?") in story
    assert await whole.work() == []


async def test_one_request_makes_a_contact_with_who_took_part_and_what_it_was_about(tool: Tool) -> None:
    body = {
        "klantcontact": CONTACT,
        "betrokkene": {"rol": "klant", "initiator": True, "contactnaam": {"voornaam": "Jan", "achternaam": "Jansen"}},
        "onderwerpobject": {"onderwerpobjectidentificator": KISS_CASE},
    }
    made = await tool.post("maak-klantcontact", body)
    assert made["betrokkene"]["volledigeNaam"] == "Jan Jansen"
    for label, kind in (("klantcontact", "klantcontacten"), ("betrokkene", "betrokkenen")):
        assert made[label] == await tool.ask(f"{kind}/{made[label]['uuid']}")
    assert made["klantcontact"]["hadBetrokkenen"][0]["uuid"] == made["betrokkene"]["uuid"]
    assert made["onderwerpobject"]["klantcontact"]["uuid"] == made["klantcontact"]["uuid"]
    alone = await tool.post("maak-klantcontact", {"klantcontact": CONTACT})
    assert (alone["betrokkene"], alone["onderwerpobject"]) == (None, None)


async def test_one_request_that_is_wrong_somewhere_makes_nothing(tool: Tool) -> None:
    body = {"klantcontact": CONTACT, "betrokkene": {"rol": "buurman", "initiator": True}}
    assert await tool.faults("maak-klantcontact", body) == {"betrokkene.rol": "invalid_choice"}
    assert await tool.results("klantcontacten") == []


@pytest.mark.parametrize("name", ["zgw-Zaak", "zaak"])
async def test_a_case_is_found_by_either_of_its_names(tool: Tool, name: str) -> None:
    mine = await tool.contact()
    await tool.contact()
    await tool.post("onderwerpobjecten", {"klantcontact": mine, "onderwerpobjectidentificator": KISS_CASE})
    prefix = "onderwerpobject__onderwerpobjectidentificator"
    register = "openzaak" if name == "zgw-Zaak" else "open-zaak"
    four = {"ObjectId": CASE, "CodeObjecttype": name, "CodeRegister": register, "CodeSoortObjectId": "uuid"}
    asked = {f"{prefix}{part}": value for part, value in four.items()}
    assert await tool.results("klantcontacten", **asked) == [mine["uuid"]]
    assert await tool.results("klantcontacten", **asked | {f"{prefix}CodeRegister": "elders"}) == []


async def test_contacts_are_found_by_what_they_hold(tool: Tool) -> None:
    first = await tool.contact(inhoud="Mijn Paspoort is 100% weg", vertrouwelijk=True, nummer="0000000001")
    second = await tool.contact(kanaal="E-mail", reactie="Kom langs", indicatieContactGelukt=True)
    for asked, found in (
        ({"kanaal": "E-mail"}, second),
        ({"kanaal": "e-mail"}, None),
        ({"inhoud": "paspoort IS 100%"}, first),
        ({"inhoud": "paspoort is 100_"}, None),
        ({"reactie": "langs"}, second),
        ({"vertrouwelijk": "TRUE"}, first),
        ({"indicatieContactGelukt": "True"}, second),
        ({"nummer": "0000000001"}, first),
        ({"hadBetrokkene__uuid": NOWHERE}, None),
        ({"onderwerpobject__url": "https://elders.example/x"}, None),
    ):
        assert await tool.results("klantcontacten", **asked) == ([found["uuid"]] if found else []), asked


async def test_contacts_are_found_by_who_took_part_and_where_they_can_be_reached(tool: Tool) -> None:
    contact, party, other = await tool.contact(), await tool.party(), await tool.contact()
    who = await tool.took_part(contact, wasPartij=party)
    at = {"adres": "Jan@Example.nl", "soortDigitaalAdres": "email", "verstrektDoorBetrokkene": who}
    await tool.post("digitaleadressen", at)
    mine = [contact["uuid"]]
    assert await tool.results("klantcontacten", hadBetrokkene__wasPartij__uuid=party["uuid"]) == mine
    url = f"http://draad{PREFIX}/partijen/{party['uuid']}"
    assert await tool.results("klantcontacten", hadBetrokkene__wasPartij__url=url) == mine
    assert await tool.results("klantcontacten", hadBetrokkene__digitaaladres__adres__icontains="jan@ex") == mine
    assert await tool.results("klantcontacten", hadBetrokkene__wasPartij="true") == mine
    assert await tool.results("klantcontacten", hadBetrokkene__wasPartij="false") == [other["uuid"]]
    assert await tool.results("betrokkenen", wasPartij__url=url) == [who["uuid"]]
    assert await tool.results("betrokkenen", verstrektedigitaalAdres__adres="Jan@Example.nl") == [who["uuid"]]
    assert await tool.results("betrokkenen", hadKlantcontact__uuid=contact["uuid"]) == [who["uuid"]]


async def test_contacts_come_in_the_order_of_time_between_two_moments(tool: Tool) -> None:
    hours = [(await tool.contact(plaatsgevondenOp=f"2026-11-2{day}T10:00:00+01:00"))["uuid"] for day in (1, 3, 2)]
    first, last, middle = hours
    assert await tool.results("klantcontacten") == [last, middle, first]
    assert await tool.results("klantcontacten", ordering="plaatsgevondenOp") == [first, middle, last]
    since = {"plaatsgevondenOp__gte": "2026-11-22T09:00:00Z"}
    assert await tool.results("klantcontacten", **since) == [last, middle]
    assert await tool.results("klantcontacten", **since, plaatsgevondenOp__lt="2026-11-23T09:00:00Z") == [middle]
    assert await tool.results("klantcontacten", plaatsgevondenOp="2026-11-21T09:00:00Z") == [first]


async def test_a_long_text_is_kept_whole(tool: Tool) -> None:
    text = "Een lang verhaal. " * 800
    contact = await tool.contact(inhoud=text, reactie=text)
    kept = await tool.ask(f"klantcontacten/{contact['uuid']}")
    assert kept["inhoud"] == kept["reactie"] == text.strip()
    assert await tool.faults("klantcontacten", CONTACT | {"inhoud": "x" * 15_001}) == {"inhoud": "max_length"}


async def test_all_that_belongs_to_a_contact_comes_along_where_somebody_asks(tool: Tool) -> None:
    contact, party = await tool.contact(), await tool.party()
    who = await tool.took_part(contact, wasPartij=party)
    await tool.post(
        "digitaleadressen",
        {"adres": "0612345678", "soortDigitaalAdres": "telefoonnummer", "verstrektDoorBetrokkene": who},
    )
    asked = "hadBetrokkenen.digitaleAdressen,hadBetrokkenen.wasPartij,leiddeTotInterneTaken"
    [shown] = (await tool.ask("klantcontacten", expand=asked))["results"]
    [person] = shown["_expand"]["hadBetrokkenen"]
    assert person["_expand"]["digitaleAdressen"][0]["adres"] == "0612345678"
    assert person["_expand"]["wasPartij"] == await tool.ask(f"partijen/{party['uuid']}")
    assert shown["_expand"]["leiddeTotInterneTaken"] == []
    assert "_expand" not in await tool.ask(f"klantcontacten/{contact['uuid']}")
    answer = await tool.ask("klantcontacten", 400, expand="hadBetrokkenen.geheimen")
    assert [one["name"] for one in answer["invalidParams"]] == ["expand"]


async def test_a_contact_is_changed_in_part_or_whole_and_the_story_says_so(tool: Tool) -> None:
    contact = await tool.contact(inhoud="Eerst", metadata={"bron": "a"})
    path = f"klantcontacten/{contact['uuid']}"
    changed = await tool.patch(path, inhoud="Later", onbekend="x", uuid=NOWHERE)
    assert (changed["inhoud"], changed["metadata"], changed["uuid"]) == ("Later", {"bron": "a"}, contact["uuid"])
    answer = await tool.client.put(f"{PREFIX}/{path}", json=CONTACT | {"onderwerp": "Anders"})
    assert answer.status_code == 200
    assert (answer.json()["onderwerp"], answer.json()["inhoud"]) == ("Anders", "Later")
    lacking = await tool.client.put(f"{PREFIX}/{path}", json={"onderwerp": "Anders"})
    assert {one["name"] for one in lacking.json()["invalidParams"]} == {"kanaal", "taal", "vertrouwelijk"}
    notes = await tool.noted()
    assert notes == ["registered", "corrected", "corrected"]


async def test_a_contact_that_goes_takes_along_what_belongs_to_it(tool: Tool) -> None:
    contact, party = await tool.contact(), await tool.party()
    who = await tool.took_part(contact, wasPartij=party)
    about = {"klantcontact": contact, "onderwerpobjectidentificator": KISS_CASE}
    await tool.post("onderwerpobjecten", about)
    await tool.delete(f"klantcontacten/{contact['uuid']}")
    for path in (f"klantcontacten/{contact['uuid']}", f"betrokkenen/{who['uuid']}"):
        await tool.ask(path, 404)
    assert await tool.results("onderwerpobjecten") == []
    assert await tool.facts("contact.unidentified", "contact.unfiled", "card.removed") == 3


async def test_one_of_several_subjects_goes_with_or_without_its_contact(tool: Tool) -> None:
    lonely, kept = await tool.contact(), await tool.contact()
    one = await tool.post("onderwerpobjecten", {"klantcontact": lonely, "wasKlantcontact": kept})
    await tool.post("onderwerpobjecten", {"klantcontact": kept})
    answer = await tool.delete(f"onderwerpobjecten/{one['uuid']}?cascade=true", 200)
    assert answer.json() == {"behouden": [f"http://draad{PREFIX}/klantcontacten/{kept['uuid']}"]}
    assert await tool.results("klantcontacten") == [kept["uuid"]]


async def test_pages_lead_to_each_other_and_end(tool: Tool) -> None:
    made = [(await tool.contact(onderwerp=f"nr {nth}"))["uuid"] for nth in range(5)]
    page: dict[str, Any] = await tool.ask("klantcontacten", pageSize=2, kanaal="Telefoon")
    seen = [one["uuid"] for one in page["results"]]
    assert page["count"] == 5
    assert page["previous"] is None
    while page["next"]:
        assert "kanaal=Telefoon" in page["next"]
        page = (await tool.client.get(page["next"])).json()
        seen += [one["uuid"] for one in page["results"]]
        assert page["count"] == 5
    assert sorted(seen) == sorted(made)
    assert (await tool.client.get(page["previous"])).json()["next"]
    for beyond in ("4", "0", "x", "9" * 30):
        answer = await tool.ask("klantcontacten", 404, pageSize=2, page=beyond)
        assert answer["detail"] == "Ongeldige pagina."
