"""The published client calls Draad by every method it has, and gets what Open Klant would give it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.klantclient.hands import Doc, Failed, Hand, bsn, hand, numbers, within
from tests.klantclient.houses import House

NTH: Final[Iterator[int]] = numbers()
LISTED: Final = 3
UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"


def unique(word: str) -> str:
    return f"{word} {uuid4().hex[:12]}"


def contact() -> Doc:
    return {"kanaal": "Telefoon", "onderwerp": unique("Paspoort"), "taal": "nld", "vertrouwelijk": False}


def named(family: str) -> Doc:
    return {"voorletters": "A", "voornaam": "Anna", "voorvoegselAchternaam": "de", "achternaam": family}


def party(kind: str, identification: Doc, *identifiers: Doc) -> Doc:
    """As the client's own types ask for it: the lists are there, and empty or nothing."""
    return {
        "soortPartij": kind,
        "indicatieActief": True,
        "indicatieGeheimhouding": False,
        "voorkeurstaal": "nld",
        "digitaleAdressen": [],
        "voorkeursDigitaalAdres": None,
        "rekeningnummers": [],
        "voorkeursRekeningnummer": None,
        "partijIdentificatie": identification,
        "partijIdentificatoren": [{"partijIdentificator": one} for one in identifiers],
    }


def person() -> Doc:
    number = {"codeObjecttype": "natuurlijk_persoon", "codeSoortObjectId": "bsn", "codeRegister": "brp"}
    return party("persoon", {"contactnaam": named(unique("Jansen"))}, number | {"objectId": bsn(next(NTH))})


def organisation() -> Doc:
    number = {"codeObjecttype": "niet_natuurlijk_persoon", "codeSoortObjectId": "kvk_nummer", "codeRegister": "hr"}
    return party("organisatie", {"naam": unique("Bakkerij")}, number | {"objectId": f"{10_000_000 + next(NTH)}"})


def ref(created: Doc) -> Doc:
    return {"uuid": created["uuid"]}


def contacts(call: Hand) -> Doc:
    return ref(call("klant_contact.create", data=contact()))


def actors(call: Hand) -> Doc:
    return ref(call("actor.create", data=actor(call)))


def actor(_: Hand) -> Doc:
    key = {"codeObjecttype": "mdw", "codeRegister": "msei", "codeSoortObjectId": "email"}
    return {
        "naam": unique("Medewerker"),
        "soortActor": "medewerker",
        "indicatieActief": True,
        "actoridentificator": key | {"objectId": f"{uuid4().hex[:8]}@example.nl"},
    }


def part(call: Hand) -> Doc:
    who = {"rol": "klant", "organisatienaam": "", "initiator": True, "contactnaam": named(unique("Bakker"))}
    whom = ref(call("partij.create_persoon", data=person()))
    return who | {"hadKlantcontact": contacts(call), "wasPartij": whom}


def address(call: Hand) -> Doc:
    return {
        "verstrektDoorBetrokkene": None,
        "verstrektDoorPartij": ref(call("partij.create_persoon", data=person())),
        "adres": f"{uuid4().hex[:10]}@example.nl",
        "omschrijving": "privé",
        "soortDigitaalAdres": "email",
        "isStandaardAdres": True,
        "referentie": "portaalvoorkeur",
        "verificatieDatum": "2026-10-01",
    }


def subject(call: Hand) -> Doc:
    case = {
        "codeObjecttype": "zaak",
        "codeRegister": "open-zaak",
        "codeSoortObjectId": "uuid",
        "objectId": str(uuid4()),
    }
    return {"klantcontact": contacts(call), "wasKlantcontact": None, "onderwerpobjectidentificator": case}


def task(call: Hand) -> Doc:
    return {
        "gevraagdeHandeling": "Terugbellen",
        "aanleidinggevendKlantcontact": contacts(call),
        "toegewezenAanActor": actors(call),
        "toelichting": unique("Na vijven"),
        "status": "te_verwerken",
    }


def identifier(call: Hand) -> Doc:
    number = {"codeObjecttype": "natuurlijk_persoon", "codeSoortObjectId": "bsn", "codeRegister": "brp"}
    someone = ref(call("partij.create_persoon", data=person() | {"partijIdentificatoren": []}))
    return {"identificeerdePartij": someone, "partijIdentificator": number | {"objectId": bsn(next(NTH))}}


def member(call: Hand) -> Doc:
    firm = ref(call("partij.create_organisatie", data=organisation()))
    return party("contactpersoon", {"contactnaam": named(unique("Visser")), "werkteVoorPartij": firm})


@dataclass(frozen=True)
class Kind:
    """One resource of the client: what is made with which of its methods, and by what it is found again."""

    resource: str
    create: str
    data: Callable[[Hand], Doc]
    found_by: Callable[[Doc], Doc]

    def __str__(self) -> str:
        return f"{self.resource}.{self.create}"

    def call(self, verb: str) -> str:
        return f"{self.resource}.{verb}"


def by_identifier(data: Doc, prefix: str) -> Doc:
    return {f"{prefix}{name[0].upper()}{name[1:]}": value for name, value in data.items()}


def by_number(data: Doc) -> Doc:
    [first] = data["partijIdentificatoren"]
    number = first["partijIdentificator"]
    return {f"partijIdentificator__{name}": value for name, value in number.items()} | {
        "soortPartij": data["soortPartij"],
        "expand": ["digitaleAdressen", "betrokkenen"],
    }


KINDS: Final = (
    Kind("actor", "create", actor, lambda data: by_identifier(data["actoridentificator"], "actoridentificator")),
    Kind("klant_contact", "create", lambda _: contact(), lambda data: {"onderwerp": data["onderwerp"]}),
    Kind("betrokkene", "create", part, lambda data: {"hadKlantcontact__uuid": data["hadKlantcontact"]["uuid"]}),
    Kind("digitaal_adres", "create", address, lambda data: {"adres": data["adres"], "soortDigitaalAdres": "email"}),
    Kind(
        "onderwerp_object",
        "create",
        subject,
        lambda data: by_identifier(data["onderwerpobjectidentificator"], "onderwerpobjectidentificator"),
    ),
    Kind(
        "interne_taak",
        "create",
        task,
        lambda data: {"aanleidinggevendKlantcontact__uuid": data["aanleidinggevendKlantcontact"]["uuid"]},
    ),
    Kind(
        "partij_identificator",
        "create",
        identifier,
        lambda data: by_identifier(data["partijIdentificator"], "partijIdentificator"),
    ),
    Kind("partij", "create_persoon", lambda _: person(), by_number),
    Kind("partij", "create_organisatie", lambda _: organisation(), by_number),
)
MORE: Final = {
    "partij.create_contactpersoon",
    "partij.partial_update",
    "digitaal_adres.partial_update",
    "digitaal_adres.delete",
    "methods.maak_klant_contact",
}
each = pytest.mark.parametrize("kind", KINDS, ids=str)


def test_every_method_of_the_client_is_called_in_these_tests(call: Hand) -> None:
    told = {kind.call(verb) for kind in KINDS for verb in (kind.create, "retrieve", "list", "list_iter")}
    assert told | MORE == set(call.methods)


@each
def test_what_is_made_comes_back_and_is_found_again(call: Hand, kind: Kind) -> None:
    data = kind.data(call)
    made = call(kind.call(kind.create), data=data)
    assert within(data, made), made
    assert made["url"].endswith(f"/{made['uuid']}")
    assert call(kind.call("retrieve"), made["uuid"]) == made
    found = call(kind.call("list"), params=kind.found_by(data))
    assert (found["count"], found["next"], found["previous"]) == (1, None, None)
    assert found["results"][0].items() >= made.items()
    assert call(kind.call("list"), client="configured", params=kind.found_by(data)) == found


@each
def test_a_list_is_walked_to_its_end(call: Hand, kind: Kind) -> None:
    made = {call(kind.call(kind.create), data=kind.data(call))["uuid"] for _ in range(LISTED)}
    walked = [one["uuid"] for one in call(kind.call("list_iter"), params={"pageSize": 2})]
    assert len(walked) == len(set(walked))
    assert made <= set(walked)
    first = call(kind.call("list"), params={"pageSize": 2})
    assert (len(first["results"]), first["count"], first["previous"]) == (2, len(walked), None)
    assert len(list(call(kind.call("list_iter"), params={"pageSize": 2}, max_requests=1))) == min(4, len(walked))


def test_a_contact_person_works_for_an_organisation(call: Hand) -> None:
    data = member(call)
    made = call("partij.create_contactpersoon", data=data)
    assert within(data, made), made
    assert made["partijIdentificatie"]["volledigeNaam"].startswith("Anna de Visser")
    assert call("partij.retrieve", made["uuid"]) == made


def test_a_party_is_changed_in_part_and_expanded(call: Hand) -> None:
    made = call("partij.create_persoon", data=person())
    data = address(call) | {"verstrektDoorPartij": ref(made)}
    mail = call("digitaal_adres.create", data=data)
    change = {"soortPartij": "persoon", "voorkeursDigitaalAdres": ref(mail), "indicatieActief": False}
    changed = call("partij.partial_update", made["uuid"], data=change)
    assert within(change, changed)
    assert within({"partijIdentificatie": made["partijIdentificatie"]}, changed)
    whole = call("partij.retrieve", made["uuid"], params={"expand": ["digitaleAdressen"]})
    assert [one["uuid"] for one in whole["_expand"]["digitaleAdressen"]] == [mail["uuid"]]
    assert [one["uuid"] for one in whole["digitaleAdressen"]] == [mail["uuid"]]


def test_an_address_is_changed_in_part_and_taken_away(call: Hand) -> None:
    made = call("digitaal_adres.create", data=address(call))
    changed = call("digitaal_adres.partial_update", made["uuid"], data={"omschrijving": "werk"})
    assert changed == made | {"omschrijving": "werk"}
    assert call("digitaal_adres.delete", made["uuid"]) == {"status": 204}
    with pytest.raises(Failed) as caught:
        call("digitaal_adres.retrieve", made["uuid"])
    assert (caught.value.kind, caught.value.said["code"]) == ("NotFound", "not_found")


def test_a_contact_is_made_with_who_took_part_and_what_it_was_about(call: Hand) -> None:
    who = {"rol": "klant", "organisatienaam": "", "initiator": True, "contactnaam": named(unique("Smit"))}
    about = {"wasKlantcontact": None, "onderwerpobjectidentificator": subject(call)["onderwerpobjectidentificator"]}
    said = contact()
    made = call("methods.maak_klant_contact", data={"klantcontact": said, "betrokkene": who, "onderwerpobject": about})
    assert within(said, made["klantcontact"])
    assert within(who | {"hadKlantcontact": ref(made["klantcontact"])}, made["betrokkene"])
    assert within(about | {"klantcontact": ref(made["klantcontact"])}, made["onderwerpobject"])
    whole = call(
        "klant_contact.retrieve",
        made["klantcontact"]["uuid"],
        params={"expand": ["hadBetrokkenen", "gingOverOnderwerpobjecten", "leiddeTotInterneTaken"]},
    )
    assert [one["uuid"] for one in whole["_expand"]["hadBetrokkenen"]] == [made["betrokkene"]["uuid"]]
    assert [one["uuid"] for one in whole["_expand"]["gingOverOnderwerpobjecten"]] == [made["onderwerpobject"]["uuid"]]
    assert whole["_expand"]["leiddeTotInterneTaken"] == []
    alone = call("methods.maak_klant_contact", data={"klantcontact": contact()})
    assert (alone["betrokkene"], alone["onderwerpobject"]) == (None, None)


@each
def test_what_is_not_there_is_not_found(call: Hand, kind: Kind) -> None:
    with pytest.raises(Failed) as caught:
        call(kind.call("retrieve"), UNKNOWN)
    said = caught.value.said
    assert (caught.value.kind, said["status"], said["code"]) == ("NotFound", 404, "not_found")
    assert said["title"] == "Niet gevonden."


@each
def test_what_is_wrong_is_named_and_not_repeated(call: Hand, kind: Kind) -> None:
    with pytest.raises(Failed) as caught:
        call(kind.call(kind.create), data={"kanaal": [], "rol": "123456782", "klantcontact": 7, "x": "123456782"})
    said = caught.value.said
    assert (caught.value.kind, said["status"], said["code"]) == ("BadRequest", 400, "invalid")
    assert said["invalidParams"]
    assert all(set(one) == {"name", "code", "reason"} for one in said["invalidParams"])
    assert "123456782" not in str(said)


@each
def test_a_question_with_an_unknown_word_is_refused(call: Hand, kind: Kind) -> None:
    with pytest.raises(Failed) as caught:
        call(kind.call("list"), params={"kleur": "rood"})
    [fault] = caught.value.said["invalidParams"]
    assert (fault["name"], fault["code"]) == ("nonFieldErrors", "unknown-parameters")
    assert fault["reason"] == "Onbekende query parameters: kleur"


def refused(house: House, token: str, folder: Any, call: str, **named_: Any) -> Doc:
    with hand(house.url, token, folder / "client.err") as other, pytest.raises(Failed) as caught:
        other(call, **named_)
    return {"kind": caught.value.kind} | caught.value.said


def test_whoever_may_only_read_writes_nothing(house: House, tmp_path: Any) -> None:
    reader = house.token("klantinteracties.read")
    said = refused(house, reader, tmp_path, "klant_contact.create", data=contact())
    assert (said["kind"], said["status"], said["code"]) == ("Forbidden", 403, "permission_denied")
    with hand(house.url, reader, tmp_path / "client.err") as other:
        assert other("klant_contact.list")["count"] >= 0


def test_whoever_may_only_write_reads_nothing(house: House, tmp_path: Any) -> None:
    writer = house.token("klantinteracties.write")
    said = refused(house, writer, tmp_path, "klant_contact.list")
    assert (said["kind"], said["code"]) == ("Forbidden", "permission_denied")


def test_a_token_of_another_api_opens_nothing_here(house: House, tmp_path: Any) -> None:
    said = refused(house, house.token("metrics.read"), tmp_path, "klant_contact.list")
    assert (said["kind"], said["code"]) == ("Forbidden", "permission_denied")


@pytest.mark.parametrize("token", ["x" * 40, "x"])
def test_a_wrong_token_opens_nothing(house: House, tmp_path: Any, token: str) -> None:
    said = refused(house, token, tmp_path, "klant_contact.list")
    assert (said["kind"], said["status"], said["code"]) == ("Unauthorized", 401, "authentication_failed")
