"""Who tells that a case changed is let in with a token of ours, is believed in which case, and answered at once."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import pytest

from schemas.event import fact
from schemas.notice import NoticeReceived
from schemas.token import TokenIssued
from services.access.gate import ID_CHARS, digest, made
from tests.fakes.openzaak import TRIAL
from tests.rooms import KEYS, TOKEN, rooms, told
from tests.services.zaken.town_hall import NOW, TownHall, town_hall

CASE: Final = "7de9cae6-957c-5a5c-baf7-6cd87a55c86d"
HOME: Final = "https://openzaak.example/zaken/api/v1/"
HINT: Final[Mapping[str, Any]] = {
    "kanaal": "zaken",
    "hoofdObject": f"{HOME}zaken/{CASE}",
    "resource": "status",
    "resourceUrl": f"{HOME}statussen/{CASE}",
    "actie": "create",
    "aanmaakdatum": "2026-11-23T08:59:58.123456Z",
    "kenmerken": {"bronorganisatie": "517439943"},
}


async def notices(hall: TownHall) -> list[NoticeReceived]:
    found = await hall.facts("notice.received")
    return [one for one in found if isinstance(one, NoticeReceived)]


async def test_a_notice_is_a_fact_once_however_often_it_is_sent() -> None:
    async with town_hall() as hall:
        for _ in range(3):
            assert (await hall.tells(HINT)).status_code == 204
        [notice] = await notices(hall)
        assert (notice.case_id, notice.what, notice.at.isoformat()) == (
            CASE,
            "status-create",
            "2026-11-23T08:59:58.123456+00:00",
        )
        await hall.tells({**HINT, "aanmaakdatum": "2026-11-23T08:59:59Z"})
        assert len(await notices(hall)) == 2


async def test_whoever_brings_no_token_or_one_for_something_else_is_not_let_in() -> None:
    async with town_hall() as hall:
        told(await hall.tells(HINT, token=""), 401)
        told(await hall.tells(HINT, token="guessed"), 401)
        assert (await hall.tells(TRIAL, token="")).status_code == 401
        for scope, status in (("notices.write", 204), ("cases.write", 403)):
            token = made()
            due = NOW + timedelta(days=90)
            issued = TokenIssued(
                at=NOW, token_id=token[:ID_CHARS], name="open-notificaties", scopes=(scope,), due=due,
                digest=digest(KEYS.programs, token),
            )  # fmt: skip
            await hall.engine.append(fact(issued, key=token))
            await hall.rooms.settle()
            assert (await hall.tells(HINT, token=token)).status_code == status
        assert len(await notices(hall)) == 1


@pytest.mark.parametrize(
    "said",
    [
        TRIAL,
        {**HINT, "kanaal": "besluiten"},
        {**HINT, "hoofdObject": "https://elsewhere.example/zaken/api/v1/zaken/" + CASE},
        {**HINT, "hoofdObject": f"{HOME}zaken/{CASE}/../x"},
        {**HINT, "hoofdObject": f"{HOME}zaken/123456782"},
        {**HINT, "hoofdObject": f"{HOME}statussen/{CASE}"},
    ],
)
async def test_what_is_about_no_case_of_ours_is_answered_well_and_dropped(said: Mapping[str, Any]) -> None:
    async with town_hall() as hall:
        assert (await hall.tells(said)).status_code == 204
        assert await notices(hall) == []


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({**HINT, "actie": "partial_update", "resource": "zaak"}, "zaak-partial-update"),
        ({**HINT, "actie": "Ünbekannt!", "resource": ""}, "unbekannt"),
        ({**HINT, "actie": "", "resource": "  "}, "unknown"),
        ({**HINT, "resource": "x" * 10_000}, "x" * 60),
        ({**HINT, "kenmerken": {"zaaktype.catalogus": "x"}, "source": "oz"}, "status-create"),
        ({**HINT, "hoofdObject": f"{HOME}zaken/{CASE.upper()}"}, "status-create"),
    ],
)
async def test_a_word_that_we_do_not_know_is_a_hint_all_the_same(said: Mapping[str, Any], what: str) -> None:
    async with town_hall() as hall:
        assert (await hall.tells(said)).status_code == 204
        assert [(notice.case_id, notice.what) for notice in await notices(hall)] == [(CASE, what)]


async def test_one_from_tomorrow_is_of_now_and_one_of_yesterday_of_yesterday() -> None:
    async with town_hall() as hall:
        for hours in (24, -24):
            await hall.tells({**HINT, "aanmaakdatum": (NOW + timedelta(hours=hours)).isoformat()})
        assert [notice.at for notice in await notices(hall)] == [NOW, NOW - timedelta(hours=24)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"' + b"\xff" + b'"',
        json.dumps({**HINT, "aanmaakdatum": "geheim"}).encode(),
        json.dumps({**HINT, "aanmaakdatum": "2026-11-23T09:00:00"}).encode(),  # Without its zone.
        json.dumps({**HINT, "hoofdObject": {"geheim": 1}}).encode(),
        json.dumps({name: value for name, value in HINT.items() if name != "hoofdObject"}).encode(),
        json.dumps({**HINT, "kenmerken": "geheim\x00"}).encode(),
        b'{"kanaal": "zaken", "kanaal": "zaken"}',
        json.dumps({**HINT, "x": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}).encode(),
    ],
)
async def test_what_is_no_notice_is_refused_and_not_quoted(body: bytes) -> None:
    async with town_hall() as hall:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await hall.rooms.client.post("/zgw/notificaties", content=body, headers=headers)
        assert "geheim" not in told(answer, 400)
        assert await notices(hall) == []


async def test_a_body_without_end_is_refused() -> None:
    async with town_hall() as hall:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await hall.rooms.client.post("/zgw/notificaties", content=b"x" * 100_000, headers=headers)
        told(answer, 413)


async def test_without_a_case_system_there_is_no_such_door() -> None:
    async with rooms() as house:
        answer = await house.client.post("/zgw/notificaties", json=dict(HINT))
        told(answer, 404)
