"""How that API answers: who may come in, what is wrong with a request, what is known already. No value is repeated."""

import asyncio
import json
from typing import Any, Final

from services.klantinteracties.app import BODY_BYTES_MAX, PREFIX
from services.klantinteracties.every import EVERY
from tests.rooms import TOKEN
from tests.tools import BSN, CONTACT, NOWHERE, NUMBER, PERSON, Tool

SHAPE = {"type", "code", "title", "status", "detail", "instance"}


async def test_nobody_comes_in_without_a_token_of_ours(tool: Tool) -> None:
    del tool.client.headers["authorization"]
    for scheme in ("", f"Bearer {TOKEN}", "Token nee", "Token"):
        headers = {"Authorization": scheme} if scheme else {}
        answer = await tool.client.post(f"{PREFIX}/maak-klantcontact", headers=headers, json={})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/json"
        assert answer.json().keys() == SHAPE
    assert (await tool.client.get(f"{PREFIX}/openapi.json")).status_code == 200


async def test_what_is_wrong_is_said_as_clients_read_it(tool: Tool) -> None:
    answer = await tool.client.post(f"{PREFIX}/partijen", json={})
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told.pop("instance").startswith("urn:uuid:")
    required = {"code": "required", "reason": "Dit veld is vereist."}
    assert told == {
        "type": "http://draad/ref/fouten/ValidationError/",
        "code": "invalid",
        "title": "Ongeldige invoerwaarde.",
        "status": 400,
        "detail": "Ongeldige invoerwaarde.",
        "invalidParams": [{"name": "soortPartij", **required}, {"name": "indicatieActief", **required}],
    }


async def test_every_kind_answers_a_list_and_knows_what_there_is_not(tool: Tool) -> None:
    unknown = {"name": "nonFieldErrors", "code": "unknown-parameters", "reason": "Onbekende query parameters: onbekend"}
    for kind in EVERY:
        assert await tool.ask(kind) == {"count": 0, "next": None, "previous": None, "results": []}
        for path in (f"{kind}/{NOWHERE}", f"{kind}/geen-uuid", f"{kind}/"):
            answer = await tool.ask(path, 404)
            assert answer.keys() == SHAPE
            assert answer["code"] == "not_found"
        assert (await tool.client.patch(f"{PREFIX}/{kind}/{NOWHERE}", json={})).status_code == 404
        assert (await tool.client.delete(f"{PREFIX}/{kind}/{NOWHERE}")).status_code == 404
        assert (await tool.client.delete(f"{PREFIX}/{kind}")).status_code == 405
        assert (await tool.ask(kind, 400, onbekend="1"))["invalidParams"] == [unknown]


STRANGE: Final[tuple[Any, ...]] = (
    None,
    [],
    {},
    "x",
    7,
    1e300,
    True,
    "\u0000",
    "\ud800",
    {"uuid": "x"},
    {"uuid": 7},
    [[{}]],
    [None],
)


async def test_whatever_is_sent_is_answered_in_that_shape(tool: Tool) -> None:
    headers = {"Content-Type": "application/json"}
    for kind, resource in EVERY.items():
        names = [one.name for one in (*resource.fields, *resource.lists)]
        every = [*names, "partijIdentificatie", "actorIdentificatie"]
        bodies: list[Any] = [dict.fromkeys(every, value) for value in STRANGE]
        bodies += [{"partijIdentificator": {one: []}} for one in ("codeObjecttype", "codeRegister")]
        bodies += [{names[0]: "x" * 90_000}, {"soortPartij": [], "soortActor": {}}]
        for body in bodies:
            answer = await tool.client.post(f"{PREFIX}/{kind}", content=json.dumps(body), headers=headers)
            assert answer.status_code in {201, 400, 413}, (kind, body, answer.text)
            assert answer.status_code == 201 or answer.json().keys() >= SHAPE
    too_long = await tool.client.post(f"{PREFIX}/categorieen", content=b" " * 300_000, headers=headers)
    assert too_long.status_code == 413


async def test_a_body_that_is_none_is_refused(tool: Tool) -> None:
    headers = {"Content-Type": "application/json"}
    too_long = b'"' + b"x" * BODY_BYTES_MAX + b'"'
    for body in (b"", b"{", b"[]", b'{"kanaal": NaN}', b"[" * 100_000, b"\xff", too_long):
        answer = await tool.client.post(f"{PREFIX}/klantcontacten", content=body, headers=headers)
        assert answer.status_code == (413 if body is too_long else 400)
        assert body is too_long or "invalidParams" in answer.json()
    other = await tool.client.post(f"{PREFIX}/klantcontacten", content=b"a=b", headers={"Content-Type": "text/plain"})
    assert other.status_code == 415


async def test_a_question_that_cannot_be_is_refused_and_not_repeated(tool: Tool) -> None:
    for asked in (
        {"hadBetrokkene__uuid": BSN},
        {"vertrouwelijk": BSN},
        {"plaatsgevondenOp": BSN + "x"},
        {"ordering": BSN},
        {"expand": BSN},
        {"kanaal": "x" * 1_001},
        {BSN: "1"},
        {f"veld{nth}": "1" for nth in range(40)},
    ):
        answer = await tool.client.get(f"{PREFIX}/klantcontacten", params=asked)
        assert answer.status_code == 400, asked
        assert answer.json()["invalidParams"]
        assert BSN not in answer.text


async def test_what_it_names_has_to_be_there_and_of_that_kind(tool: Tool) -> None:
    party = await tool.party()
    body = {"rol": "klant", "initiator": True, "hadKlantcontact": party, "wasPartij": {"uuid": NOWHERE}}
    answer = await tool.post("betrokkenen", body, 400)
    assert {one["name"]: one["reason"] for one in answer["invalidParams"]} == {
        "hadKlantcontact.uuid": "Klantcontact object bestaat niet.",
        "wasPartij.uuid": "Partij object bestaat niet.",
    }
    both = {"indicatieContactGelukt": True, "verdereActieOndernomen": True}
    faults = await tool.faults("klantcontacten", CONTACT | both)
    assert faults == {"nonFieldErrors": "no-further-action-when-contact-succesful"}


async def test_a_number_of_a_contact_is_its_own(tool: Tool) -> None:
    contact = await tool.contact(nummer="1234567890")
    assert await tool.faults("klantcontacten", CONTACT | {"nummer": "1234567890"}) == {"nummer": "unique"}
    assert await tool.faults("klantcontacten", CONTACT | {"nummer": "12x"}) == {"nummer": "invalid"}
    await tool.patch(f"klantcontacten/{contact['uuid']}", nummer="1234567890")
    for _ in range(2):
        assert (await tool.post("klantcontacten", CONTACT | {"nummer": ""}))["nummer"] is None


async def test_two_at_once_do_not_share_a_number(tool: Tool) -> None:
    body = PERSON | {"partijIdentificatoren": [NUMBER]}
    answers = await asyncio.gather(*(tool.client.post(f"{PREFIX}/partijen", json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400, 400]
    assert len(await tool.results("partijen")) == 1


async def test_the_same_request_again_changes_nothing_and_gets_the_same_answer(tool: Tool) -> None:
    key = {"Idempotency-Key": "k-1"}
    bodies = {
        "klantcontacten": CONTACT | {"nummer": "1234567890"},
        "partijen": PERSON | {"partijIdentificatoren": [NUMBER]},
        "maak-klantcontact": {"klantcontact": CONTACT, "betrokkene": {"rol": "klant", "initiator": True}},
    }
    for path, body in bodies.items():
        first = await tool.post(path, body, headers=key)
        before = await tool.facts("card.written")
        assert await tool.post(path, body, headers=key) == first
        assert await tool.facts("card.written") == before
    other = await tool.post("klantcontacten", CONTACT | {"onderwerp": "Iets anders"}, headers=key)
    assert other["onderwerp"] == "Iets anders"
    assert len(await tool.results("klantcontacten")) == 3
    wrong = await tool.client.post(f"{PREFIX}/klantcontacten", json=CONTACT, headers={"Idempotency-Key": "x" * 201})
    assert wrong.status_code == 400


async def test_who_has_this_version_gets_no_other_and_changes_no_other(tool: Tool) -> None:
    path = f"{PREFIX}/klantcontacten/{(await tool.contact())['uuid']}"
    tag = (await tool.client.get(path)).headers["etag"]
    same = await tool.client.get(path, headers={"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    stale = {"If-Match": '"ouder"'}
    assert (await tool.client.patch(path, json={"onderwerp": "x"}, headers=stale)).status_code == 412
    assert (await tool.client.patch(path, json={"onderwerp": "x"}, headers={"If-Match": tag})).status_code == 200
    assert (await tool.client.get(path, headers={"If-None-Match": tag})).status_code == 200
    assert (await tool.client.delete(path, headers=stale)).status_code == 412
    head = await tool.client.head(path)
    assert (head.status_code, head.content) == (200, b"")


async def test_a_host_that_is_none_is_not_repeated(tool: Tool) -> None:
    answer = await tool.client.post(f"{PREFIX}/klantcontacten", json=CONTACT, headers={"Host": "x{y"})
    assert answer.json()["url"].startswith(f"http://localhost{PREFIX}/")


async def test_words_that_look_like_ours_stay_theirs(tool: Tool) -> None:
    said = f'\u0001 "objectId":"sealed:{"a" * 64}:{"ab" * 20}" \\u0001 %_\\'
    refused = await tool.faults("klantcontacten", CONTACT | {"inhoud": said})
    assert refused == {"inhoud": "invalid"}
    said = said.replace("\u0001", "")
    contact = await tool.contact(inhoud=said)
    assert (await tool.ask(f"klantcontacten/{contact['uuid']}"))["inhoud"] == said.strip()
    assert await tool.results("klantcontacten", inhoud=said.strip()) == [contact["uuid"]]
    about = {"onderwerpobjectidentificator": {"objectId": f"sealed:{'a' * 64}:{'ab' * 20}"}}
    made = await tool.post("onderwerpobjecten", about)
    assert made["onderwerpobjectidentificator"]["objectId"].startswith("sealed:")
