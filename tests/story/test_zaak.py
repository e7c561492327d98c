"""Her case lives in the case system of the municipality: she is told what becomes of it there, and each thing once."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx
import pytest

from simulation import twilio
from tests.beside import beside
from tests.fakes.openzaak import BSN, OpenZaak, Resource, settings_of
from tests.running import TOKEN, command
from tests.story.test_told import TOLD, mail, reads, says, words
from tests.story.town import MAIL, Town, kept_open, told

PUBLIC: Final = "https://contact.example.nl/zgw/notificaties"
SECRETS: Final = {"secret": "OPENZAAK_SECRET", "callback_token": "NOTICES_TOKEN"}


@contextmanager
def case_system(town: Town) -> Iterator[tuple[OpenZaak, Callable[[], list[int]]]]:
    """It serves, and stands in the site file; and how it delivers what it has to tell, twice and the last first."""
    zaak = OpenZaak()

    async def by_proxy(_url: str, headers: Mapping[str, str], body: Resource) -> int:
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"{town.draad.address}/zgw/notificaties"
            return (await client.post(url, json=body, headers=dict(headers), timeout=20)).status_code

    zaak.callback = by_proxy
    with beside() as there, kept_open(there, lambda: twilio.serving(zaak)) as home:
        zaak.stands_at(home)
        settings = settings_of(zaak.home, callback_url=PUBLIC)
        town.settings |= {"OPENZAAK_SECRET": settings["secret"], "NOTICES_TOKEN": TOKEN}
        (town.folder / "site.toml").write_text(f"{TOLD}\n[zaken]\n{table(settings)}")

        def delivers() -> list[int]:
            told, zaak.told = zaak.told, []
            return there.do(zaak.delivers([*told[::-1], *told]))

        yield zaak, delivers


def table(settings: Mapping[str, Any]) -> str:
    where = {name: f'{{ env = "{variable}" }}' for name, variable in SECRETS.items()}
    return "\n".join(f"{name} = {where.get(name, repr(value))}" for name, value in settings.items())


def subjects(town: Town) -> list[str]:
    return [str(mail(taken)["Subject"]) for taken in town.relay.taken]


@pytest.mark.timeout(600)
def test_she_hears_of_her_case_in_the_case_system_though_notices_come_twice_or_are_lost(town: Town) -> None:
    with case_system(town) as (zaak, delivers):
        with town.open():
            party = says(town, "/v1/parties", "p", name="Joëlle Bakker")["party_id"]
            says(town, f"/v1/parties/{party}/identifiers", "i", scheme="bsn", value=BSN)
            says(town, f"/v1/parties/{party}/addresses", "a", address={"kind": "email", "value": MAIL})
            for sentence in ("Subscribed", "The subscription is set anew"):
                said = command(town.folder / "draad.db", "zaken", "subscribe", **town.settings)
                assert (said.returncode, sentence in said.stdout) == (0, True), said.stderr
            assert "The case system answers" in command(town.folder / "draad.db", "doctor", **town.settings).stdout
            case = zaak.opens()
            zaak.asks(case)
            zaak.reaches(case, "Ontvangen")
            assert set(delivers()) == {204}
            told(town, 1)
            zaak.reaches(case, "In behandeling")
            zaak.reaches(case, "Intern overleg")
            assert set(delivers()) == {204}
            town.power_cut()
        zaak.results(case, "Toegekend")
        with town.open():
            told(town, 2)
            zaak.told.clear()  # Nobody is told of the result, nor of the end: they are found.
            zaak.reaches(case, "Afgehandeld")
            zaak.told.clear()
            town.power_cut()
        with town.open():
            told(town, 3)
            assert reads(town, f"/v1/cases/{case}/timeline").count("case.status-changed") == 3
    assert subjects(town) == [
        "Wij zijn begonnen met: Paspoort voor uw kind",
        "Nieuws over: Paspoort voor uw kind",
        "Wij zijn klaar met: Paspoort voor uw kind",
    ]
    news, end = (words(mail(taken)) for taken in town.relay.taken[1:])
    assert "De status is nu: In behandeling.\nWij bekijken uw aanvraag." in news
    assert "De uitkomst: Toegekend.\nU krijgt een brief." in end
    assert [fact["reason"] for fact in town.facts("notification.withheld")] == ["not-informed"] * 2
    assert [fact["party_id"] for fact in town.facts("case.opened")] == [party]
    assert BSN not in (town.folder / "draad.err").read_text(errors="replace")
