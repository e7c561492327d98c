"""Who asks hears that we have it: once for each conversation, once a day for each address, and no program does."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from engine.testing import Scene, given
from schemas.contact import ContactMade, ContactReceived
from schemas.conversation import ConversationContinued, ConversationOpened, ConversationReopened
from schemas.event import derived
from schemas.notification import NotificationRequested, Route
from services.intake.conversation import conversation
from services.notify.confirmation import APART, ASKED_MAX, FRESH, confirmation

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
MAIL: Final[dict[str, Any]] = {
    "channel": "email", "kind": "email", "address": "j@mail.example", "inbox": "burgerzaken", "title": "Mijn paspoort",
    "reference": "q1@mail.example", "text": "Wanneer is het klaar?",
}  # fmt: skip
TEXT: Final[dict[str, Any]] = {"channel": "sms", "kind": "phone", "address": "+31612345678", "text": "Bent u open?"}
FORM: Final[dict[str, Any]] = MAIL | {"channel": "web", "inbox": "main", "reference": "", "title": "Contactformulier"}


def asked(contact: str = "c1", at: datetime = NOW, **said: Any) -> ContactReceived:
    return ContactReceived(at=at, contact_id=contact, address_id="a1", **(said or MAIL))


def opened(contact: str = "c1", at: datetime = NOW, channel: str = "email") -> ConversationOpened:
    names = {"conversation_id": contact, "contact_id": contact, "address_id": "a1"}
    return ConversationOpened(at=at, **names, channel=channel)


def told(scene: Scene[Any]) -> list[NotificationRequested]:
    return [NotificationRequested.model_validate_json(outcome.data) for outcome in scene._outcomes]


def test_who_mails_hears_it_in_their_own_thread() -> None:
    given(confirmation, asked()).when(opened()).then(
        NotificationRequested(
            at=NOW, notification_id=derived("address/a1 c1 received"), party_id="unknown.a1", about="contact/c1",
            template="contact-received", until=NOW + FRESH, kind="email", title="Re: Mijn paspoort", code="C1",
            inbox="burgerzaken", thread_id="c1", reply_to="q1@mail.example", why="asked",
            routes=(Route(channel="email", address="j@mail.example", address_id="a1"),),
        )
    )  # fmt: skip


def test_who_fills_in_a_form_hears_it_by_mail_in_the_language_of_the_page() -> None:
    [found] = told(given(confirmation, asked(**FORM, language="en")).when(opened(channel="web")))
    assert (found.routes[0].channel, found.language, found.kind) == ("email", "en", "web")
    assert (found.inbox, found.reply_to, found.title, found.thread_id) == ("unknown", "", "", "c1")


def test_who_texts_hears_it_by_sms() -> None:
    [found] = told(given(confirmation, asked(**TEXT, reference="SM1")).when(opened(channel="sms")))
    assert (found.routes[0].channel, found.routes[0].address, found.reply_to) == ("sms", "+31612345678", "SM1")


@pytest.mark.parametrize(
    "said",
    [
        MAIL | {"robot": "auto-reply"},
        MAIL | {"robot": "bounce"},
        MAIL | {"address": ""},
        MAIL | {"address": "noreply@shop.example"},
        MAIL | {"address": "No-Reply-77@shop.example"},
        MAIL | {"flags": ("unverified-sender",)},  # It would go to whoever they say that they are.
        MAIL | {"flags": ("reply-elsewhere",)},
        FORM | {"kind": "phone", "address": "+31201234567"},  # They have read the page.
        TEXT | {"flags": ("opt-out",), "text": "STOP"},
        TEXT | {"text": "Ja!"},  # Which answers a reminder.
        TEXT | {"channel": "whatsapp", "flags": ("reaction",)},
        TEXT | {"channel": "chat", "kind": "chat"},
        TEXT | {"channel": "phone"},
        TEXT | {"channel": "counter"},
        MAIL | {"channel": "letter"},
    ],
)
def test_to_whom_a_word_is_not_fitting_none_goes(said: dict[str, Any]) -> None:
    given(confirmation, asked(**said)).when(opened(channel=said["channel"])).then()


def test_what_goes_on_with_a_conversation_is_not_confirmed() -> None:
    scene = given(confirmation, asked("c2"), asked("c3"))
    scene.when(ConversationContinued(at=NOW, conversation_id="c1", contact_id="c2", address_id="a1")).then()
    scene.when(ConversationReopened(at=NOW, conversation_id="c1", contact_id="c3", address_id="a1")).then()
    assert not scene.knows("address/a1").questions


def test_what_we_begin_is_not_confirmed() -> None:
    given(confirmation).when(opened("m1")).then()


def test_once_a_day_to_each_address() -> None:
    scene = given(confirmation, asked(), opened(), asked("c2"))
    scene.when(opened("c2", NOW + APART - HOUR)).then()
    assert len(told(scene.when(asked("c3"), opened("c3", NOW + APART)))) == 1
    scene.when(asked("c4"), opened("c4", NOW)).then()  # Told late.


def test_somebody_who_writes_ever_more_is_kept_small() -> None:
    scene = given(confirmation, *(asked(f"c{n}") for n in range(3 * ASKED_MAX)))
    assert len(scene.knows("address/a1").questions) == ASKED_MAX


MOMENTS = st.integers(0, 24 * 30).map(lambda hours: NOW + hours * HOUR)
ROADS = st.sampled_from([MAIL, TEXT, FORM, TEXT | {"channel": "whatsapp"}, TEXT | {"channel": "phone"}])
CONTACTS = st.builds(
    lambda n, at, said, robot, thread: asked(f"c{n}", at, **(said | {"robot": robot, "thread_id": thread})),
    st.integers(0, 15), MOMENTS, ROADS, st.sampled_from(["none", "none", "auto-reply"]),
    st.sampled_from(["", "", "c0", "c1"]),
)  # fmt: skip


@over(st.lists(CONTACTS, max_size=25))
@settings(max_examples=200)
def test_however_they_write_one_conversation_has_one_confirmation_and_one_day_too(
    history: list[ContactReceived],
) -> None:
    """What we tell them comes back to the conversation, and robots write in between."""
    talk, words = given(conversation), given(confirmation)
    heard: list[NotificationRequested] = []
    for event in history:
        words.when(event)
        for outcome in talk.when(event)._outcomes:
            if outcome.type in confirmation.reads:
                found = told(words.when(confirmation.reads[outcome.type].model_validate_json(outcome.data)))
                heard += found
                talk.when(*map(made, found))
    assert len({one.thread_id for one in heard}) == len({one.notification_id for one in heard}) == len(heard)
    assert all(later.at - earlier.at >= APART for earlier, later in pairwise(heard))
    assert {one.kind for one in heard} <= {"email", "sms", "web", "whatsapp"}


def made(one: NotificationRequested) -> ContactMade:
    return ContactMade(
        at=one.at, contact_id=one.notification_id, address_id="a1", agent_id="draad", channel=one.routes[0].channel,
        message_id=one.notification_id, thread_id=one.thread_id, notification_id=one.notification_id,
    )  # fmt: skip
