"""What comes in over a channel, and what is said at the desk, is seen by desk tools as if they had written it."""

import pytest

from tests.tools import CASE, KISS_CASE, PERSON, Tool

PHONE = {"kind": "phone", "value": "06 12345678"}


async def test_a_call_is_a_contact_with_who_called_and_from_where(tool: Tool) -> None:
    call = await tool.desk("contacts", channel="phone", address=PHONE, text="Kuil in de weg", title="Melding")
    shown = await tool.seen(f"klantcontacten/{call['contact_id']}", bool)
    assert (shown["kanaal"], shown["onderwerp"], shown["inhoud"]) == ("Telefoon", "Melding", "Kuil in de weg")
    [who] = (await tool.ask("betrokkenen", hadKlantcontact__uuid=shown["uuid"], expand="digitaleAdressen"))["results"]
    [at] = who["_expand"]["digitaleAdressen"]
    assert (at["adres"], at["soortDigitaalAdres"]) == ("+31612345678", "telefoonnummer")
    assert who["wasPartij"] is None
    assert await tool.results("klantcontacten", hadBetrokkene__digitaaladres__adres__icontains="612345678")


async def test_whose_address_it_surely_is_made_the_contact(tool: Tool) -> None:
    call = await tool.desk("contacts", channel="phone", address=PHONE)
    party = await tool.party()
    at = {"adres": "0612345678", "soortDigitaalAdres": "telefoonnummer", "verstrektDoorPartij": party}
    await tool.post("digitaleadressen", at)
    assert await tool.results("klantcontacten", hadBetrokkene__wasPartij__uuid=party["uuid"]) == [call["contact_id"]]
    [who] = (await tool.ask("betrokkenen", wasPartij__uuid=party["uuid"]))["results"]
    assert who["wasPartij"]["uuid"] == party["uuid"]
    rival = await tool.party()
    await tool.post("digitaleadressen", at | {"verstrektDoorPartij": rival})
    assert await tool.results("klantcontacten", hadBetrokkene__wasPartij__uuid=party["uuid"]) == []
    assert (await tool.ask(f"betrokkenen/{who['uuid']}"))["wasPartij"] is None


async def test_who_it_was_and_which_case_as_an_agent_says_and_takes_back(tool: Tool) -> None:
    call = await tool.desk("contacts", channel="phone", address=PHONE)
    name, on = call["contact_id"], {"address_id": call["address_id"]}
    party = (await tool.desk("parties", name="J. Jansen"))["party_id"]
    assert (await tool.seen(f"partijen/{party}", bool))["partijIdentificatie"]["volledigeNaam"] == "J. Jansen"
    await tool.desk(f"contacts/{name}/identify", party_id=party, **on)
    await tool.desk(f"contacts/{name}/file", case_id=CASE, **on)
    by_case = {
        f"onderwerpobject__onderwerpobjectidentificator{part[0].upper()}{part[1:]}": value
        for part, value in KISS_CASE.items()
    }
    assert await tool.found("klantcontacten", 1, **by_case) == [name]
    assert await tool.found("klantcontacten", 1, hadBetrokkene__wasPartij__uuid=party) == [name]
    await tool.desk(f"contacts/{name}/unidentify", party_id=party, **on)
    await tool.desk(f"contacts/{name}/unfile", case_id=CASE, **on)
    assert await tool.found("klantcontacten", 0, **by_case) == []
    assert await tool.found("klantcontacten", 0, hadBetrokkene__wasPartij__uuid=party) == []


async def test_which_tree_it_is_about_as_an_agent_says_and_takes_back(tool: Tool) -> None:
    call = await tool.desk("contacts", channel="phone", address=PHONE)
    tree = {"kind": "boom", "title": "Eik aan de Dam", "address_id": call["address_id"]}
    await tool.desk(f"contacts/{call['contact_id']}/tie", **tree)
    by_tree = {"onderwerpobject__onderwerpobjectidentificatorObjectId": "Eik aan de Dam"}
    assert await tool.found("klantcontacten", 1, **by_tree) == [call["contact_id"]]
    [about] = (await tool.ask("onderwerpobjecten", klantcontact__uuid=call["contact_id"]))["results"]
    assert about["onderwerpobjectidentificator"]["codeObjecttype"] == "boom"
    await tool.desk(f"contacts/{call['contact_id']}/untie", **tree)
    assert await tool.found("klantcontacten", 0, **by_tree) == []


async def test_which_tree_it_is_about_as_a_tool_says_changes_and_takes_back(tool: Tool) -> None:
    contact, folded = await tool.contact(), "eik  13"  # The same, as names are compared.
    tree = {"objectId": "Eik 12", "codeObjecttype": "Boom", "codeRegister": "bor", "codeSoortObjectId": "nummer"}
    made = await tool.post("onderwerpobjecten", {"klantcontact": contact, "onderwerpobjectidentificator": tree})
    assert await tool.tied() == [("boom", "Eik 12")]
    for name in ("Eik 13", folded):
        await tool.patch(f"onderwerpobjecten/{made['uuid']}", onderwerpobjectidentificator=tree | {"objectId": name})
        assert await tool.tied() == [("boom", "Eik 13")]
    await tool.delete(f"onderwerpobjecten/{made['uuid']}")
    assert await tool.tied() == []


@pytest.mark.parametrize(
    "said", [{"codeObjecttype": "zaak"}, {"objectId": ""}, {"objectId": "123456782"}, {"codeObjecttype": "12"}]
)
async def test_what_is_no_object_of_ours_ties_nothing_and_stands_in_the_tool(tool: Tool, said: dict[str, str]) -> None:
    contact = await tool.contact()
    thing = {
        "objectId": "Eik 12",
        "codeObjecttype": "boom",
        "codeRegister": "bor",
        "codeSoortObjectId": "nummer",
    } | said
    await tool.post("onderwerpobjecten", {"klantcontact": contact, "onderwerpobjectidentificator": thing})
    assert len(await tool.results("onderwerpobjecten")) == 1
    assert await tool.tied() == []


async def test_what_an_agent_wrote_back_refers_to_what_was_asked(tool: Tool) -> None:
    asked = await tool.desk("contacts", channel="email", address={"kind": "email", "value": "jan@example.nl"})
    said = {"address_id": asked["address_id"], "message_id": "m1", "channel": "email", "title": "Re: vraag"}
    await tool.answered(asked["contact_id"], text="Het is klaar", **said)
    [reply] = await tool.found("onderwerpobjecten", 1, wasKlantcontact__uuid=asked["contact_id"])
    subject = await tool.ask(f"onderwerpobjecten/{reply}")
    contact = await tool.ask(f"klantcontacten/{subject['klantcontact']['uuid']}")
    assert (contact["kanaal"], contact["inhoud"]) == ("E-mail", "Het is klaar")


async def test_a_party_of_the_desk_is_found_by_its_number_and_no_number_is_told(tool: Tool) -> None:
    party = (await tool.desk("parties", name="J. Jansen"))["party_id"]
    await tool.desk(f"parties/{party}/identifiers", scheme="bsn", value="123456782")
    await tool.desk(f"parties/{party}/addresses", address=PHONE)
    number = {"partijIdentificator__codeSoortObjectId": "bsn", "partijIdentificator__objectId": "123456782"}
    assert await tool.found("partijen", 1, **number) == [party]
    shown = await tool.seen(f"partijen/{party}?expand=digitaleAdressen", lambda now: now["digitaleAdressen"])
    assert shown["partijIdentificatoren"] == []
    assert [one["adres"] for one in shown["_expand"]["digitaleAdressen"]] == ["+31612345678"]
    assert await tool.results("partij-identificatoren") == []


async def test_a_name_that_the_desk_corrects_is_the_tools_too(tool: Tool) -> None:
    made = await tool.post("partijen", PERSON | {"interneNotitie": "let op"})
    await tool.registered(made["uuid"], "J. de Boer")
    shown = await tool.seen(
        f"partijen/{made['uuid']}", lambda now: now["partijIdentificatie"] != made["partijIdentificatie"]
    )
    assert (shown["partijIdentificatie"]["volledigeNaam"], shown["interneNotitie"]) == ("J. de Boer", "let op")


async def test_a_contact_of_a_channel_is_changed_by_a_tool_and_stays_one(tool: Tool) -> None:
    call = await tool.desk("contacts", channel="phone", address=PHONE, text="Kuil")
    path = f"klantcontacten/{call['contact_id']}"
    await tool.seen(path, bool)
    changed = await tool.patch(path, indicatieContactGelukt=True, onderwerp="Kuil in de weg")
    assert (changed["inhoud"], changed["indicatieContactGelukt"]) == ("Kuil", True)
    assert len(changed["hadBetrokkenen"]) == 1
    assert await tool.results("klantcontacten") == [call["contact_id"]]
