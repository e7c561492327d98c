"""Moving over again, when either side has changed since: who changed what decides what becomes of it."""

from contextlib import closing
from pathlib import Path

import httpx
import pytest

from draad.agreed import Agreed
from services.klantinteracties.app import PREFIX
from tests.registers import Both, filled


async def test_what_was_changed_there_since_is_changed_here(both: Both, tmp_path: Path) -> None:
    kept = tmp_path / "progress.db"
    await filled(both.there)
    assert await both.move(kept)
    [contact], [task], [*addresses] = [
        await both.there.results(kind) for kind in ("klantcontacten", "internetaken", "digitaleadressen")
    ]
    [person] = await both.there.results("partijen", soortPartij="persoon")
    fresh = {"adres": "0612345678", "soortDigitaalAdres": "telefoonnummer", "verstrektDoorPartij": {"uuid": person}}
    phone = await both.there.post("digitaleadressen", fresh | {"verstrektDoorBetrokkene": None})
    await both.there.patch(f"klantcontacten/{contact}", reactie="Het ligt klaar.")
    await both.there.patch(f"internetaken/{task}", status="verwerkt")
    await both.there.patch(f"partijen/{person}", voorkeursDigitaalAdres={"uuid": phone["uuid"]})
    await both.there.patch(f"digitaleadressen/{addresses[0]}", omschrijving="thuis")
    assert await both.move(kept)
    assert await both.everything(both.here) == await both.everything(both.there)
    assert [one.type for one in await both.here.house.engine.read(0, 1_000)].count("task.done") == 1


async def test_what_was_changed_or_removed_here_is_left_so(
    both: Both, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "progress.db"
    first, second, third = [await both.there.contact(onderwerp=f"nummer {n}") for n in range(3)]
    assert await both.move(kept)
    await both.here.patch(f"klantcontacten/{first['uuid']}", inhoud="hier")
    await both.there.patch(f"klantcontacten/{first['uuid']}", inhoud="daar")
    await both.here.delete(f"klantcontacten/{second['uuid']}")
    await both.here.patch(f"klantcontacten/{third['uuid']}", inhoud="hier")
    await both.there.delete(f"klantcontacten/{third['uuid']}")
    assert not await both.move(kept, remove=True)
    assert (await both.here.ask(f"klantcontacten/{first['uuid']}"))["inhoud"] == "hier"
    assert sorted(await both.here.results("klantcontacten")) == sorted([first["uuid"], third["uuid"]])
    told = capsys.readouterr().out
    assert f"Look at: klantcontacten {first['uuid']}: says something else." in told
    assert f"Look at: klantcontacten {second['uuid']}: removed here." in told
    assert f"Look at: klantcontacten {third['uuid']}: removed there." in told


async def test_what_was_removed_there_goes_where_that_is_asked(
    both: Both, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "progress.db"
    await filled(both.there)
    mine = await both.here.contact(onderwerp="van hier")
    assert await both.move(kept)
    [contact] = await both.there.results("klantcontacten")
    await both.there.delete(f"klantcontacten/{contact}")
    assert not await both.move(kept)
    assert f"Look at: klantcontacten {contact}: removed there." in capsys.readouterr().out
    assert len(await both.here.results("klantcontacten")) == 2
    assert await both.move(kept, remove=True)
    assert await both.here.results("klantcontacten") == [mine["uuid"]]
    assert await both.here.results("betrokkenen") == []
    await both.here.delete(f"klantcontacten/{mine['uuid']}")
    assert await both.everything(both.here) == await both.everything(both.there)


async def test_what_is_changed_here_while_it_is_compared_is_not_written_over(both: Both, tmp_path: Path) -> None:
    kept = tmp_path / "progress.db"
    changed, removed = [await both.there.contact(onderwerp=f"nummer {n}") for n in range(2)]
    assert await both.move(kept)
    await both.there.patch(f"klantcontacten/{changed['uuid']}", inhoud="daar")
    await both.there.delete(f"klantcontacten/{removed['uuid']}")
    whole = both.target.handle_async_request

    async def meanwhile(request: httpx.Request) -> httpx.Response:
        if request.method in {"PUT", "DELETE"}:
            await both.here.patch(request.url.path.removeprefix(f"{PREFIX}/"), inhoud="net hier")
        return await whole(request)

    both.target.handle_async_request = meanwhile  # type: ignore[method-assign]
    assert not await both.move(kept, remove=True)
    for one in (changed, removed):
        assert (await both.here.ask(f"klantcontacten/{one['uuid']}"))["inhoud"] == "net hier"


async def test_a_party_that_came_behind_the_walk_has_what_it_prefers(both: Both, tmp_path: Path) -> None:
    kept = tmp_path / "progress.db"
    await filled(both.there)
    with closing(Agreed(kept)) as agreed:
        for name in ("partijen (1)", "partijen (2)", "preferences"):
            agreed.reached(name, 3)
    assert await both.move(kept)
    assert await both.everything(both.here) == await both.everything(both.there)
