"""A notice is followed: what the case system has of the case is told in our words, whatever else it says."""

from datetime import timedelta
from typing import Any

import pytest

from channels.blind import blind
from schemas.case import CaseOpened, CaseStatusChanged
from schemas.errors import Refused, Unavailable
from schemas.notice import NoticeFollowed, NoticePostponed
from services.zaken.register import Forbidden
from services.zaken.words import Zaak
from tests.fakes.openzaak import BSN
from tests.rooms import KEYS
from tests.services.zaken.town_hall import NOW, TownHall, register_of, town_hall


def started(hall: TownHall) -> str:
    case = hall.zaak.opens()
    hall.zaak.asks(case)
    hall.zaak.reaches(case, "Ontvangen")
    return case


async def test_a_notice_is_followed_to_the_case_and_whose_it_is() -> None:
    async with town_hall() as hall:
        hall.known[blind("bsn", BSN, KEYS.addresses)] = ["p1"]
        case = started(hall)
        async with hall.at_work():
            assert (await hall.tells(hall.zaak.told[-1])).status_code == 204
            found = await hall.comes(lambda facts: len(facts) == 2)
    assert found == [
        CaseOpened(at=NOW, case_id=case, party_id="p1", kind="paspoort-aanvragen", title="Paspoort voor uw kind"),
        CaseStatusChanged(
            at=NOW, case_id=case, status="ontvangen", named="Ontvangen", says="Wij hebben uw aanvraag.", inform=False
        ),
    ]


async def test_whoever_is_not_known_yet_is_registered_without_the_number() -> None:
    async with town_hall() as hall:
        started(hall)
        async with hall.at_work():
            await hall.tells(hall.zaak.told[-1])
            registered, numbered, *_ = await hall.comes(lambda facts: len(facts) == 4)
        assert (registered.type, numbered.type) == ("party.registered", "party.identifier-set")
        assert "Joëlle de Bakker" in registered.model_dump_json()
        log = [envelope.data + envelope.subject for envelope in await hall.engine.read(0, 1_000)]
        assert not [said for said in log if BSN in said]


async def look(hall: TownHall, case: str) -> NoticeFollowed:
    found = await hall.courier().look(case)
    assert isinstance(found, NoticeFollowed)
    return found


async def test_everything_of_it_is_read_in_our_words() -> None:
    async with town_hall() as hall:
        zaak, main = hall.zaak, hall.zaak.opens("Verhuizing")
        case = zaak.opens(hoofdzaak=zaak.case(main)["url"])
        zaak.asks(case)
        zaak.reaches(case, "Ontvangen", NOW)
        zaak.is_due(case, NOW.date() + timedelta(days=30))
        zaak.suspends(case)
        found = await look(hall, case)
        assert (found.main_id, found.still, found.ended, found.outcome) == (main, True, False, "unknown")
        assert found.due
        assert found.due.isoformat() == "2026-12-23T22:59:59+00:00"  # The end of the day in Amsterdam.
        zaak.results(case, "Toegekend")
        zaak.reaches(case, "Afgehandeld", NOW + timedelta(hours=1))
        found = await look(hall, case)
        assert (found.ended, found.outcome, found.ending) == (True, "toegekend", "Toegekend")
        assert [(one.status, one.inform, one.ends) for one in found.stages] == [
            ("ontvangen", True, False),
            ("afgehandeld", True, True),
        ]
        assert "mevrouw" not in found.model_dump_json()  # Why it stands still may be about somebody.


@pytest.mark.parametrize(
    ("kind", "who", "scheme", "name"),
    [
        ("natuurlijk_persoon", {"inpBsn": BSN}, "bsn", "Naam onbekend"),
        ("natuurlijk_persoon", {"inpBsn": "123456789"}, "", ""),  # No BSN.
        ("natuurlijk_persoon", {"anpIdentificatie": "x", "inpBsn": ""}, "", ""),
        ("niet_natuurlijk_persoon", {"innNnpId": "517439943", "statutaireNaam": "Bakkerij"}, "rsin", "Bakkerij"),
        ("niet_natuurlijk_persoon", {"innNnpId": "5", "kvkNummer": "12345678"}, "kvk", "Naam onbekend"),
        ("vestiging", {"vestigingsNummer": "000012345678", "handelsnaam": ["A", "B"]}, "vestiging", "A"),
        ("medewerker", {"identificatie": "jansen", "inpBsn": BSN}, "", ""),
    ],
)
async def test_whose_it_is_goes_by_the_number_of_a_register(
    kind: str, who: dict[str, Any], scheme: str, name: str
) -> None:
    async with town_hall() as hall:
        case = hall.zaak.opens()
        hall.zaak.asks(case, kind=kind, **who)
        found = (await look(hall, case)).asker
        assert ((found.scheme, found.name) if found else ("", "")) == (scheme, name)


async def test_a_list_is_read_to_its_last_page() -> None:
    async with town_hall() as hall:
        case, hall.zaak.page_size = started(hall), 2
        for nth in range(4):
            hall.zaak.reaches(case, "In behandeling", NOW + timedelta(hours=nth))
        assert len((await look(hall, case)).stages) == 5


async def test_only_the_last_of_very_many_statuses_are_read_and_too_much_text_is_left_out() -> None:
    async with town_hall() as hall:
        case = started(hall)
        for nth in range(40):
            hall.zaak.reaches(case, "Wacht op u", NOW + timedelta(hours=nth))
        assert len((await look(hall, case)).stages) == 25
        hall.zaak.statustypen["Wacht op u"]["statustekst"] = "€" * 1_000
        assert {stage.says for stage in (await look(hall, case)).stages} == {""}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("500", "unavailable"),
        ("502", "unavailable"),
        ("404", "unreadable"),  # Of a proxy, and not of the case system: nobody takes the case for gone.
        ("403", "forbidden"),
        ("nonsense", "unreadable"),
        ("another shape", "unreadable"),
        ("huge", "unreadable"),
        ("redirect", "unreadable"),
    ],
)
async def test_whatever_it_says_instead_is_postponed_and_followed_later(fault: str, reason: str) -> None:
    async with town_hall() as hall:
        case, courier = started(hall), hall.courier()
        for nth in range(6):  # At each of the questions that a look takes.
            hall.zaak.faults.extend(["", "", "", "", "", ""][:nth])
            hall.zaak.faults.append(fault)
            hall.hour.passes(hours=1)  # What was kept of the types is asked anew.
            found = await courier.look(case)
            assert isinstance(found, NoticePostponed), f"at question {nth}"
            assert found.reason == reason
            hall.zaak.faults.clear()
        assert isinstance(await courier.look(case), NoticeFollowed)


async def test_one_that_does_not_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.zaken.courier.LOOK_S_MAX", 0.05)
    async with town_hall() as hall:
        case = started(hall)
        hall.zaak.faults.append("slow")
        found = await hall.courier().look(case)
        assert isinstance(found, NoticePostponed)
        assert found.reason == "unavailable"


async def test_one_that_was_removed_is_gone_and_one_removed_meanwhile_is_looked_at_again() -> None:
    async with town_hall() as hall:
        case = started(hall)
        type_of_it = hall.zaak.objects.pop(hall.zaak.zaaktype["url"].removeprefix(hall.zaak.home))
        assert isinstance(await hall.courier().look(case), NoticePostponed)
        hall.zaak.objects[type_of_it["url"].removeprefix(hall.zaak.home)] = type_of_it
        hall.zaak.removes(case)
        assert (await look(hall, case)).gone


async def test_with_rights_that_come_later_it_is_found() -> None:
    async with town_hall() as hall:
        case, hall.zaak.forbidden = started(hall), True
        async with hall.at_work():
            await hall.tells(hall.zaak.told[-1])
            await hall.comes(lambda facts: len(facts) == 1, "notice.postponed")
            hall.zaak.forbidden = False
            hall.hour.passes(hours=1)
            await hall.polls()
            assert [fact.type for fact in await hall.comes(lambda facts: len(facts) == 4)][-1] == "case.status-changed"
        assert {fact.subject for fact in await hall.facts("notice.")} == {f"case/{case}"}


async def test_an_outage_is_waited_for() -> None:
    async with town_hall() as hall:
        started(hall)
        hall.zaak.faults.extend(["500"])
        async with hall.at_work():
            await hall.tells(hall.zaak.told[-1])
            await hall.comes(lambda facts: len(facts) == 1, "timer.set")
            hall.hour.passes(minutes=1)
            assert [fact.type for fact in await hall.comes(lambda facts: len(facts) == 4)][-1] == "case.status-changed"


@pytest.mark.parametrize("field", ["zaaktype", "hoofdzaak"])
@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "https://openzaak.example.evil.nl/zaken/api/v1/x", "/x"]
)
async def test_nothing_is_fetched_from_elsewhere(field: str, url: str) -> None:
    async with town_hall() as hall:
        case = started(hall)
        hall.zaak.case(case)[field] = url
        found = await hall.courier().look(case)
        assert isinstance(found, NoticePostponed)
        assert found.reason == "unreadable"


async def test_many_notices_of_a_case_at_once_are_one_look() -> None:
    async with town_hall() as hall:
        started(hall)
        for notice in hall.zaak.told * 10:
            await hall.tells(notice)
        async with hall.at_work():
            await hall.comes(lambda facts: len(facts) == 4)
            await hall.comes(lambda facts: len(facts) >= 1, "notice.followed")
        looks = [path for path in hall.zaak.asked if "/zaken/api/v1/zaken/" in path]
        assert len(looks) <= 3


async def test_a_token_that_is_too_old_or_of_somebody_else_is_seen_as_no_rights() -> None:
    async with town_hall() as hall:
        case = started(hall)
        url = f"{hall.zaak.home}/zaken/api/v1/zaken/{case}"
        yesterday = register_of(hall.zaak, lambda: NOW - timedelta(days=1))
        stranger = register_of(hall.zaak, hall.hour, secret="another-secret-of-the-case-system")
        for register in (yesterday, stranger):
            with pytest.raises(Forbidden):
                await register.one(Zaak, url)
        with pytest.raises(Refused):
            await hall.register().ask("GET", f"{hall.zaak.home}/elsewhere")
        hall.zaak.faults.append("500")
        with pytest.raises(Unavailable) as caught:
            await hall.register().one(Zaak, url)
        assert case not in str(caught.value)
