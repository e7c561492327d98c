"""Tasks and actors: a call-back of a tool is a task at the desk, and a task of the desk is one in the tool."""

from typing import Any

from services.klantinteracties.app import PREFIX
from tests.tools import ACTOR, CONTACT, NOWHERE, Tool

ASKED = {"gevraagdeHandeling": "Terugbellen", "toelichting": "Over het paspoort", "status": "te_verwerken"}


async def task(tool: Tool, contact: dict[str, str], **said: Any) -> Any:
    actor = await tool.post("actoren", ACTOR)
    body = ASKED | {"aanleidinggevendKlantcontact": contact, "toegewezenAanActor": {"uuid": actor["uuid"]}}
    return await tool.post("internetaken", body | said)


async def test_a_call_back_in_the_seven_steps_of_kiss_waits_at_the_desk_until_it_is_done(whole: Tool) -> None:
    tool = whole
    contact = await tool.contact(inhoud="Graag terugbellen")
    identified = {"objectId": "a@b.nl", "codeObjecttype": "mdw", "codeRegister": "msei", "codeSoortObjectId": "email"}
    agent = await tool.post("actoren", ACTOR | {"soortActor": "medewerker", "actoridentificator": identified})
    found = {f"actoridentificator{part[0].upper()}{part[1:]}": value for part, value in identified.items()}
    assert await tool.results("actoren", **found) == [agent["uuid"]]
    await tool.post("actorklantcontacten", {"actor": {"uuid": agent["uuid"]}, "klantcontact": contact})
    who = await tool.took_part(contact, contactnaam={"achternaam": "Jansen"})
    said = {"adres": "0612345678", "soortDigitaalAdres": "telefoonnummer", "verstrektDoorBetrokkene": who}
    await tool.post("digitaleadressen", said)
    made = await task(tool, contact, nummer="")
    assert await tool.settled() == ["call-back"]
    shown = await tool.ask(f"klantcontacten/{contact['uuid']}", expand="leiddeTotInterneTaken")
    assert shown["hadBetrokkenActoren"][0]["naam"] == "Burgerzaken"
    assert shown["_expand"]["leiddeTotInterneTaken"] == [await tool.ask(f"internetaken/{made['uuid']}")]
    done = await tool.patch(f"internetaken/{made['uuid']}", status="verwerkt")
    assert done["afgehandeldOp"]
    assert await tool.settled() == []
    again = await tool.patch(f"internetaken/{made['uuid']}", status="te_verwerken")
    assert again["afgehandeldOp"] is None
    assert await tool.settled() == ["call-back"]


async def test_what_the_desk_does_with_a_task_is_seen_by_the_tool(whole: Tool) -> None:
    tool = whole
    made = await task(tool, await tool.contact())
    path = f"tasks/{made['uuid']}"
    await tool.desk(f"{path}/assign", owner_kind="person", owner="g7")
    after = await tool.seen(
        f"internetaken/{made['uuid']}", lambda now: now["toegewezenAanActor"] != made["toegewezenAanActor"]
    )
    actor = await tool.ask(f"actoren/{after['toegewezenAanActor']['uuid']}")
    assert (actor["naam"], actor["soortActor"]) == ("g7", "medewerker")
    assert after["gevraagdeHandeling"] == "Terugbellen"
    await tool.desk(f"{path}/done", result="reached")
    assert await tool.seen(f"internetaken/{made['uuid']}", lambda now: now["status"] == "verwerkt")
    await tool.desk(f"{path}/reopen")
    assert await tool.seen(f"internetaken/{made['uuid']}", lambda now: now["afgehandeldOp"] is None)


async def test_a_task_that_the_desk_opened_is_one_in_the_tool(tool: Tool) -> None:
    contact = await tool.contact()
    said = {"owner_kind": "department", "owner": "burgerzaken", "due": "2026-11-24T09:00:00Z", "title": "Bellen"}
    task = await tool.desk("tasks", contact_id=contact["uuid"], about=f"address/unknown.{contact['uuid']}", **said)
    shown = await tool.seen(f"internetaken/{task['task_id']}", bool)
    assert (shown["gevraagdeHandeling"], shown["status"]) == ("Bellen", "te_verwerken")
    assert shown["aanleidinggevendKlantcontact"]["uuid"] == contact["uuid"]
    assert await tool.results("internetaken", actoren__naam="burgerzaken") == [task["task_id"]]
    assert (await tool.ask(f"klantcontacten/{contact['uuid']}"))["leiddeTotInterneTaken"][0]["uuid"] == task["task_id"]


async def test_tasks_are_found_by_status_actor_and_contact(tool: Tool) -> None:
    contact = await tool.contact(nummer="1234567890")
    first = await task(tool, contact, referentienummer="0000000007")
    actors = [one["uuid"] for one in first["toegewezenAanActoren"]]
    second = await tool.post(
        "internetaken",
        ASKED
        | {"status": "verwerkt", "aanleidinggevendKlantcontact": await tool.contact(), "toegewezenAanActoren": []},
    )
    for asked, found in (
        ({"status": "te_verwerken"}, first),
        ({"status": "verwerkt"}, second),
        ({"toegewezenAanActor__uuid": actors[0]}, first),
        ({"toegewezenAanActor__url": f"http://x/{actors[0]}"}, first),
        ({"toegewezenAanActor__uuid": NOWHERE}, None),
        ({"toegewezenAanActor__url": "http://x/geen"}, None),
        ({"aanleidinggevendKlantcontact__uuid": contact["uuid"]}, first),
        ({"klantcontact__nummer": "1234567890"}, first),
        ({"referentienummer": "0000000007"}, first),
    ):
        assert await tool.results("internetaken", **asked) == ([found["uuid"]] if found else []), asked


async def test_a_task_has_one_way_of_naming_its_actors_and_is_done_when_it_says_so(tool: Tool) -> None:
    contact = await tool.contact()
    base = ASKED | {"aanleidinggevendKlantcontact": contact}
    actor = {"uuid": (await tool.post("actoren", ACTOR))["uuid"]}
    assert await tool.faults("internetaken", base) == {"nonFieldErrors": "invalid"}
    both = base | {"toegewezenAanActor": actor, "toegewezenAanActoren": [actor]}
    assert await tool.faults("internetaken", both) == {"nonFieldErrors": "invalid"}
    early = base | {"toegewezenAanActor": actor, "afgehandeldOp": "2026-11-23T09:00:00Z"}
    assert await tool.faults("internetaken", early) == {"afgehandeldOp": "invalid"}
    strange = base | {"toegewezenAanActoren": [{"uuid": NOWHERE}]}
    assert await tool.faults("internetaken", strange) == {"toegewezenAanActoren.0.uuid": "invalid"}


async def test_a_call_back_is_one_request_where_a_tool_wants_it(tool: Tool) -> None:
    actor = {"uuid": (await tool.post("actoren", ACTOR))["uuid"]}
    body = {
        "klantcontact": CONTACT,
        "betrokkene": {"rol": "klant", "initiator": True},
        "digitaleAdressen": [{"adres": "0612345678", "soortDigitaalAdres": "telefoonnummer"}],
        "actorKlantcontacten": [{"actor": actor}],
        "internetaak": ASKED | {"toegewezenAanActoren": [actor]},
    }
    made = await tool.post("maak-klantcontact", body)
    assert made["digitaleAdressen"][0]["verstrektDoorBetrokkene"]["uuid"] == made["betrokkene"]["uuid"]
    assert made["klantcontact"] == await tool.ask(f"klantcontacten/{made['klantcontact']['uuid']}")
    assert made["klantcontact"]["leiddeTotInterneTaken"][0]["uuid"] == made["internetaak"]["uuid"]
    assert made["klantcontact"]["hadBetrokkenActoren"][0]["uuid"] == actor["uuid"]
    before = await tool.facts("card.written")
    wrong = body | {"internetaak": {"status": "te_verwerken"}}
    assert "internetaak.gevraagdeHandeling" in await tool.faults("maak-klantcontact", wrong)
    assert await tool.facts("card.written") == before


async def test_an_actor_took_part_in_a_contact_once(tool: Tool) -> None:
    actor, contact = {"uuid": (await tool.post("actoren", ACTOR))["uuid"]}, await tool.contact()
    pair = {"actor": actor, "klantcontact": contact}
    made = await tool.post("actorklantcontacten", pair)
    assert await tool.faults("actorklantcontacten", pair) == {"nonFieldErrors": "unique"}
    assert await tool.results("actorklantcontacten", actor__uuid=actor["uuid"]) == [made["uuid"]]
    await tool.delete(f"actoren/{actor['uuid']}")
    assert await tool.results("actorklantcontacten") == []


async def test_what_no_tool_calls_is_there_too(tool: Tool) -> None:
    party, contact = await tool.party(), await tool.contact()
    category = await tool.post("categorieen", {"naam": "Ondernemer"})
    related = {"partij": party, "categorie": {"uuid": category["uuid"]}, "beginDatum": None}
    relation = await tool.post("categorie-relaties", related)
    account = await tool.post("rekeningnummers", {"iban": "NL91ABNA0417164300", "partij": party})
    other = await tool.party()
    stands = {"vertegenwoordigendePartij": party, "vertegenwoordigdePartij": other}
    await tool.post("vertegenwoordigingen", stands)
    await tool.post("bijlagen", {"wasBijlageVanKlantcontact": contact, "bijlageidentificator": {"objectId": "d1"}})
    shown = await tool.ask(f"partijen/{party['uuid']}")
    assert shown["categorieRelaties"][0]["categorieNaam"] == "Ondernemer"
    assert (shown["categorieRelaties"][0]["uuid"], relation["beginDatum"]) == (relation["uuid"], "2026-11-23")
    assert [one["uuid"] for one in shown["rekeningnummers"]] == [account["uuid"]]
    assert [one["uuid"] for one in shown["vertegenwoordigden"]] == [other["uuid"]]
    assert await tool.results("partijen", categorierelatie__categorie__naam="Ondernemer") == [party["uuid"]]
    assert await tool.results("partijen", vertegenwoordigdePartij__uuid=party["uuid"]) == [other["uuid"]]
    assert len((await tool.ask(f"klantcontacten/{contact['uuid']}"))["omvatteBijlagen"]) == 1
    assert (await tool.client.get(f"{PREFIX}/rekeningnummers?iban=NL91ABNA0417164300")).json()["count"] == 1
