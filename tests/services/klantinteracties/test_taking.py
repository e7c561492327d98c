"""Taking over cards of another register: whole or not at all, once, and under their own names."""

from typing import Any, Final

import pytest

from services.klantinteracties.app import PREFIX
from tests.tools import ACTOR, CONTACT, NOWHERE, Tool

NAME: Final = "0b0f6c5e-95a1-4b86-8b3f-0c2f3b6c4f01"
OTHER: Final = "0b0f6c5e-95a1-4b86-8b3f-0c2f3b6c4f02"
TASK: Final = {"gevraagdeHandeling": "Terugbellen", "status": "verwerkt", "toegewezenOp": "2026-01-05T10:00:00Z"}


async def test_it_keeps_its_name_and_its_hour_and_the_same_again_changes_nothing(tool: Tool) -> None:
    on = {"uuid": NAME, "url": f"https://elders.example.nl/klantcontacten/{NAME}"}
    task = TASK | {"uuid": OTHER, "aanleidinggevendKlantcontact": on, "toegewezenAanActoren": [{"uuid": NOWHERE}]}
    body = {
        "internetaken": [task],
        "klantcontacten": [CONTACT | {"uuid": NAME.upper(), "plaatsgevondenOp": "2026-01-05T09:00:00Z"}],
        "actoren": [ACTOR | {"uuid": NOWHERE}],
    }
    assert await tool.post("neem-over", body, 200) == {"overgenomen": 3, "bekend": 0}
    facts = len(await tool.house.engine.read(0, 100))
    assert await tool.post("neem-over", body, 200) == {"overgenomen": 0, "bekend": 3}
    assert len(await tool.house.engine.read(0, 100)) == facts
    assert (await tool.ask(f"klantcontacten/{NAME}"))["plaatsgevondenOp"] == "2026-01-05T09:00:00Z"
    assert (await tool.ask(f"internetaken/{OTHER}"))["toegewezenOp"] == "2026-01-05T10:00:00Z"


async def test_what_was_changed_here_is_left_as_it_is(tool: Tool) -> None:
    body = {"klantcontacten": [CONTACT | {"uuid": NAME}]}
    await tool.post("neem-over", body, 200)
    await tool.patch(f"klantcontacten/{NAME}", onderwerp="anders")
    await tool.post("neem-over", body, 200)
    assert (await tool.ask(f"klantcontacten/{NAME}"))["onderwerp"] == "anders"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"klantcontacten": CONTACT}, {"klantcontacten": "not_a_list"}),
        ({"klantcontacten": [CONTACT]}, {"klantcontacten.0.uuid": "invalid"}),
        ({"klantcontacten": ["Jan"]}, {"klantcontacten.0.uuid": "invalid"}),
        ({"klantcontacten": [None]}, {"klantcontacten.0.uuid": "invalid"}),
        ({"klantcontacten": [{"uuid": ["Jan"]}]}, {"klantcontacten.0.uuid": "invalid"}),
        ({"klantcontacten": [CONTACT | {"uuid": NAME, "nummer": "Jan"}]}, {"klantcontacten.0.nummer": "invalid"}),
        ({"klantcontacten": [CONTACT | {"uuid": OTHER}]}, {"klantcontacten.0.uuid": "unique"}),
        (
            {"bijlagen": [{"uuid": NAME, "wasBijlageVanKlantcontact": {"uuid": NOWHERE}}]},
            {"bijlagen.0.wasBijlageVanKlantcontact.uuid": "invalid"},
        ),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_of_it_is_kept(
    tool: Tool, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    whole = {"actoren": [ACTOR | {"uuid": OTHER}]} | body
    answer = await tool.post("neem-over", whole, 400)
    assert {one["name"]: one["code"] for one in answer["invalidParams"]} == wrong
    assert "Jan" not in str(answer)
    assert await tool.house.engine.read(0, 100) == []


async def test_a_number_that_is_given_is_not_given_again(tool: Tool) -> None:
    await tool.contact(nummer="0000000001")
    answer = await tool.post("neem-over", {"klantcontacten": [CONTACT | {"uuid": NAME, "nummer": "0000000001"}]}, 400)
    assert [(one["name"], one["code"]) for one in answer["invalidParams"]] == [("klantcontacten.0.nummer", "unique")]


async def test_it_is_no_list_and_no_card(tool: Tool) -> None:
    for method, path, status in (
        ("GET", "neem-over", 405),
        ("POST", "neem-over/x", 404),
        ("OPTIONS", "neem-over", 200),
    ):
        answer = await tool.client.request(method, f"{PREFIX}/{path}")
        assert answer.status_code == status, (method, path)
    assert (await tool.client.post(f"{PREFIX}/neem-over", content=b"[")).status_code == 415
