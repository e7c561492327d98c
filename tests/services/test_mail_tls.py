"""Mail over TLS, both ways: nothing goes to a server that is not who it says it is."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from channels.email import Email
from infra.certificate import Certificate, certify
from infra.mail import Dovecot
from infra.server import HERE
from schemas.errors import Unavailable
from simulation.relay import Relay, relaying
from tests.channels.post import email, plain
from tests.services.test_mail_out import ANSWER
from tests.services.test_mailbox import Office, texts

HOW: Final = ("tls", "starttls")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certify(tmp_path_factory.mktemp("ours"), HERE)


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Of this host too, by an authority that nobody trusts."""
    return certify(tmp_path_factory.mktemp("strange"), HERE)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certify(tmp_path_factory.mktemp("elsewhere"), "mail.elsewhere.example")


@pytest.fixture(scope="module")
def dovecot(ours: Certificate) -> Iterator[Dovecot]:
    with Dovecot(ours) as opened:
        opened.deliver(plain("Over een veilige lijn"))
        yield opened


def trust(monkeypatch: pytest.MonkeyPatch, authority: Path) -> None:
    """As whoever runs Draad says which authorities are trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))


def fetched(server: Dovecot, how: str) -> dict[str, Any]:
    return {"imap_security": how, "imap_port": server.imaps if how == "tls" else server.imap}


@pytest.mark.parametrize("how", HOW)
async def test_a_mailbox_is_fetched_over_tls(
    how: str, dovecot: Dovecot, ours: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, ours.authority)
    assert texts(await Office(dovecot).once(**fetched(dovecot, how))) == ["Over een veilige lijn"]


@pytest.mark.parametrize("how", HOW)
async def test_nothing_is_fetched_from_a_server_whose_certificate_is_not_trusted(
    how: str, dovecot: Dovecot, strange: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, strange.authority)
    office = Office(dovecot)
    async with office.at_work(**fetched(dovecot, how)) as (engine, mailbox):
        with pytest.raises(ssl.SSLCertVerificationError):
            await mailbox.visit(0)
        assert await engine.read() == []


@pytest.mark.parametrize("how", HOW)
async def test_nothing_is_fetched_from_a_server_whose_certificate_is_of_another_name(
    how: str, elsewhere: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, elsewhere.authority)
    with Dovecot(elsewhere) as server:
        async with Office(server).at_work(**fetched(server, how)) as (_, mailbox):
            with pytest.raises(ssl.SSLCertVerificationError):
                await mailbox.visit(0)


def shown(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


def over(relay: Relay, how: str) -> Email:
    return email(smtp_host=HERE, smtp_port=relay.port, smtp_security=how)


@pytest.mark.parametrize("how", HOW)
async def test_an_answer_leaves_over_tls(how: str, ours: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch, ours.authority)
    async with relaying(tls=shown(ours), at_once=how == "tls") as relay:
        assert (await over(relay, how).send(ANSWER)).encode() in relay.taken[0]
    assert relay.envelopes[0][1] == [ANSWER.address]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("whose", ["strange", "elsewhere"])
async def test_no_answer_leaves_over_a_relay_whose_certificate_is_wrong(
    how: str, whose: str, ours: Certificate, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong: Certificate = request.getfixturevalue(whose)
    trust(monkeypatch, ours.authority if whose == "strange" else wrong.authority)
    async with relaying(tls=shown(wrong), at_once=how == "tls") as relay:
        with pytest.raises(Unavailable):
            await over(relay, how).send(ANSWER)
    assert relay.taken == []


async def test_no_answer_leaves_where_tls_is_asked_for_and_a_relay_has_none(ours: Certificate) -> None:
    async with relaying() as relay:
        for how in HOW:
            with pytest.raises(Unavailable):
                await over(relay, how).send(ANSWER)
    assert relay.taken == []
