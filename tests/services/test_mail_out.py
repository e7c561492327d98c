"""A mail that we send leaves once, and what went wrong on the way is told for what it is."""

import pytest

from channels.channel import Message, Undeliverable
from channels.email import Email
from channels.robot import reason
from infra.mail import USER, Dovecot
from infra.server import HERE
from schemas.contact import ContactReceived
from schemas.errors import Ambiguous, DraadError, Unavailable
from schemas.event import Envelope
from simulation.relay import Relay, relaying
from tests.channels.post import NOW, email, plain
from tests.services.test_mailbox import Office

ANSWER = Message(
    message_id="7c9e6679-7425-40de-944b-e07fc1f90ae7",
    address_id="0123456789abcdef0123456789abcdef01234567",
    address="jan@mail.example",
    inbox="info",
    text="De balie is open.\n.\nTot morgen!",
    title="Re: Vraag",
    thread_id="0f8fad5b-d9cb-469f-a165-70867728950e",
    reply_to="a@mail.example",
    at=NOW,
)


def over(relay: Relay) -> Email:
    return email(smtp_host=HERE, smtp_port=relay.port, smtp_security="none")


async def test_the_relay_gets_the_same_bytes_however_often_it_is_tried() -> None:
    async with relaying() as relay:
        references = {await over(relay).send(ANSWER) for _ in range(2)}
    assert len(references) == len(set(relay.taken)) == 1
    assert references.pop().encode() in relay.taken[0]
    ((sender, recipients), _) = relay.envelopes
    assert recipients == ["jan@mail.example"]
    assert sender.startswith("info+")
    assert b"\r\n..\r\n" not in relay.taken[0]
    assert b"De balie is open.\r\n.\r\nTot morgen!" in relay.taken[0]


@pytest.mark.parametrize(
    ("fault", "answer", "error"),
    [
        ("ehlo", "", Unavailable),
        ("mail", "", Unavailable),
        ("mail", "451 4.3.0 later", Unavailable),
        ("mail", "550 5.7.1 never", Undeliverable),
        ("rcpt", "", Unavailable),
        ("rcpt", "450 4.2.1 later", Unavailable),
        ("rcpt", "550 5.1.1 <jan@mail.example> unknown", Undeliverable),
        ("data", "", Ambiguous),
        ("data", "451 4.3.0 later", Unavailable),
        ("data", "554 5.7.1 spam", Undeliverable),
    ],
)
async def test_what_went_wrong_is_told_by_how_far_it_came(fault: str, answer: str, error: type[DraadError]) -> None:
    async with relaying(fault, answer) as relay:
        with pytest.raises(error) as raised:
            await over(relay).send(ANSWER)
    assert "jan" not in str(raised.value)
    if isinstance(raised.value, Undeliverable):
        assert raised.value.word == reason(answer)


async def test_mails_that_follow_each_other_go_over_one_connection() -> None:
    async with relaying() as relay:
        channel = over(relay)
        references = [await channel.send(ANSWER._replace(message_id=f"m{n}")) for n in range(3)]
        await channel.close()
    assert [reference.encode() in taken for reference, taken in zip(references, relay.taken, strict=True)] == [True] * 3
    assert relay.connections == 1


@pytest.mark.parametrize("answer", ["", "421 4.7.0 too many mails over this connection"])
@pytest.mark.parametrize("fault", ["mail", "rcpt"])
async def test_a_mail_for_which_the_last_connection_is_gone_goes_over_a_new_one(fault: str, answer: str) -> None:
    async with relaying(answer=answer) as relay:
        channel = over(relay)
        await channel.send(ANSWER)
        relay.fault, relay.once = fault, True
        await channel.send(ANSWER._replace(message_id="next"))
        await channel.close()
    assert (len(relay.taken), relay.connections) == (2, 2)


async def test_a_mail_that_broke_off_is_not_tried_over_another_connection() -> None:
    async with relaying() as relay:
        channel = over(relay)
        await channel.send(ANSWER)
        relay.fault, relay.once = "data", True
        with pytest.raises(Ambiguous):
            await channel.send(ANSWER._replace(message_id="next"))
        await channel.close()
    assert (len(relay.taken), relay.connections) == (2, 1)


async def test_a_relay_that_is_not_there_is_tried_later() -> None:
    async with relaying() as relay:
        gone = over(relay)
    with pytest.raises(Unavailable):
        await gone.send(ANSWER)


@pytest.mark.parametrize(
    "address", ["jan", "jan@", "jan@mail.example\r\nDATA", "a@b.example,c@d.example", "<jan@x>", ""]
)
async def test_nothing_but_one_address_reaches_the_relay(address: str) -> None:
    async with relaying() as relay:
        with pytest.raises(Undeliverable) as raised:
            await over(relay).send(ANSWER._replace(address=address))
    assert raised.value.word == "no-such-address"
    assert relay.taken == []


async def test_a_domain_with_other_letters_is_sent_as_dns_spells_it() -> None:
    async with relaying() as relay:
        await over(relay).send(ANSWER._replace(address="jan@coöperatie.example"))
    assert relay.envelopes[0][1] == ["jan@xn--coperatie-17a.example"]


async def test_a_resident_writes_is_answered_and_writes_back_in_the_same_thread() -> None:
    """By a real relay's steps and a real mailbox: our token is all that the resident's mail program has to keep."""
    with Dovecot() as dovecot:

        def deliver(raw: bytes, sender: str, to: str) -> None:
            dovecot.deliver(raw, to=to, sender=sender)

        async with relaying(pass_on=deliver) as relay:
            office = Office(dovecot)
            dovecot.deliver(plain("Hoe laat open?"))
            first = received(await office.once())[0]
            sent = ANSWER._replace(thread_id=first.contact_id, reply_to=first.reference, address=first.address)
            await over(relay).send(sent._replace(address=USER))  # To ourselves, to see it arrive over a real road.
            ours = received(await office.once())[-1]
            assert ours.text == ANSWER.text
            reply_to = email().letter(sent).reply_to
            dovecot.deliver(plain("Dank u", To=reply_to, Message_ID="<b@mail.example>"), to=reply_to)
            back = received(await office.once())[-1]
            assert (back.text, back.thread_id) == ("Dank u", first.contact_id)


def received(log: list[Envelope]) -> list[ContactReceived]:
    return [ContactReceived.model_validate_json(e.data) for e in log if e.type == "contact.received"]
