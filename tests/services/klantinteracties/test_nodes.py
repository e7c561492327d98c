"""The same on many machines: what a tool writes at one it reads at once, and all of it by the same questions."""

from pathlib import Path

import pytest

from tests.services.places import HousePlace
from tests.tools import BSN, CONTACT, KISS_CASE, NUMBER, Tool, at_work

pytestmark = pytest.mark.xdist_group("kafka")  # Its broker is started once, by one of the test processes.


async def test_what_is_written_is_read_at_once_in_every_way_of_asking(tmp_path: Path) -> None:
    place = HousePlace(tmp_path, partitions=2)
    try:
        async with at_work(await place.store()) as tool:
            await walked(tool)
    finally:
        await place.close()


async def walked(tool: Tool) -> None:
    party = await tool.party(partijIdentificatoren=[NUMBER])
    assert await tool.results("partijen", partijIdentificator__objectId=BSN) == [party["uuid"]]
    made = await tool.post(
        "maak-klantcontact",
        {
            "klantcontact": CONTACT | {"inhoud": "100% Ja", "plaatsgevondenOp": "2026-11-20T09:00:00Z"},
            "betrokkene": {"rol": "klant", "initiator": True, "wasPartij": party},
            "onderwerpobject": {"onderwerpobjectidentificator": KISS_CASE},
        },
    )
    name = made["klantcontact"]["uuid"]
    assert await tool.ask(f"klantcontacten/{name}") == made["klantcontact"]
    later = (await tool.contact())["uuid"]
    assert await tool.results("klantcontacten") == [later, name]
    assert await tool.results("klantcontacten", pageSize=1) == [later]
    assert await tool.results("klantcontacten", pageSize=1, page=2) == [name]
    prefix = "onderwerpobject__onderwerpobjectidentificator"
    by_case = {f"{prefix}{part[0].upper()}{part[1:]}": value for part, value in KISS_CASE.items()}
    for asked in (
        {"hadBetrokkene__wasPartij__uuid": party["uuid"]},
        {"hadBetrokkene__wasPartij__partijIdentificator__objectId": BSN},
        {"hadBetrokkene__wasPartij": "true", "leiddeTotInterneTaken": "false"},
        {"inhoud": "100% ja"},
        {"plaatsgevondenOp__lt": "2026-11-21T00:00:00Z"},
        by_case,
    ):
        assert await tool.results("klantcontacten", **asked) == [name], asked
    at = {"adres": "a@example.nl", "soortDigitaalAdres": "email", "isStandaardAdres": True}
    first = await tool.post("digitaleadressen", at | {"verstrektDoorPartij": party})
    other = await tool.party()
    moved = await tool.patch(f"digitaleadressen/{first['uuid']}", verstrektDoorPartij=other)
    assert moved["verstrektDoorPartij"]["uuid"] == other["uuid"]
    assert await tool.found("digitaleadressen", 1) == [first["uuid"]]
    shown = await tool.ask(f"partijen/{party['uuid']}", expand="betrokkenen.hadKlantcontact,digitaleAdressen")
    assert shown["_expand"]["betrokkenen"][0]["_expand"]["hadKlantcontact"]["uuid"] == name
    await tool.delete(f"klantcontacten/{name}")
    await tool.ask(f"klantcontacten/{name}", 404)
    assert await tool.results("klantcontacten") == [later]
