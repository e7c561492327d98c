"""Writes what is due: in the words of the municipality, once. What is written rests on the log, and leaves from there.

Whoever reads the log again finds the same words, whatever the texts are now.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from textwrap import shorten
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import structlog
from babel.dates import format_date, format_time

from channels.calendar import Agreed, calendar
from channels.days import ZONE, answered_by, day_of
from channels.gsm import bare, counted, plain
from channels.link import APPOINTMENT, OPINION, PARTY, UNSUBSCRIBE, Links
from engine.courier import Delivery
from engine.engine import Engine
from engine.work import reason
from schemas.contact import ContactMade
from schemas.errors import Conflict, Unavailable
from schemas.event import Event, derived
from schemas.kinds import OPTIONAL, kind_of
from schemas.notification import (
    NotificationDue,
    NotificationFailed,
    NotificationPostponed,
    NotificationWithheld,
    NotificationWritten,
)
from services.notify.hours import RECEIVED, closes, next_open
from services.notify.known import NOTHING, Known, heard, language_of, shut_for
from services.notify.opinion import ASKS
from services.notify.receipts import AGENT
from services.notify.settings import NotifySettings, OpinionSettings, Status, Template
from services.notify.texts import CONTACT, LANGUAGES, USUAL, Texts, Wording, filled

NAME: Final = "notify.writer"
AT_ONCE: Final = 16
END_S_MAX: Final = 5.0
AGAIN_S: Final = 0.5
NO_STATUS: Final = Status()
TITLED: Final = frozenset({"email", "letter"})
SUBJECT_CHARS_MAX: Final = 78  # Of a mail: mail programs cut off what comes after it.
LETTERS: Final = "main"  # The print folder; where it is called otherwise, the first one is taken.

log = structlog.get_logger("notify")


class Place(NamedTuple):
    """Where they come, as people read it, and what o'clock it is there."""

    title: str
    zone: ZoneInfo = ZONE


class Letterhead(NamedTuple):
    """What the municipality says of itself, and in which words."""

    settings: NotifySettings
    texts: Texts
    places: Mapping[str, Place]  # The branches, by their names.
    senders: Mapping[str, str]  # The mail addresses of the mailboxes, by their names.
    links: Links  # To the pages of residents.
    answer_days: int = 2  # Working days in which a question is answered.
    letters: bool = False  # Whether letters can be printed.
    opinion: OpinionSettings | None = None  # Nobody is asked what they think, without it.


class Writer:
    """Takes what is due, and says it in words."""

    def __init__(self, engine: Engine, letterhead: Letterhead, clock: Callable[[], datetime]) -> None:
        self._engine, self._clock = engine, clock
        self._settings, self._texts, self._places, self._senders, self._links = letterhead[:5]
        self._answer_days, self._letters, self._opinion = letterhead[5:]
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Until the engine stops."""
        async with asyncio.TaskGroup() as group:
            async for delivery in self._engine.follow(NAME, NotificationDue, end_s=END_S_MAX, at_once=AT_ONCE):
                await self._room.acquire()
                group.create_task(self._write(delivery))

    async def _write(self, delivery: Delivery) -> None:
        try:
            outcome = self.written(delivery.event, await self._known(delivery.event))
            await delivery.done(outcome, *self.kept(delivery.event, outcome))
        except (Conflict, Unavailable) as error:  # It is lent again, and nothing was sent.
            log.warning("notify.unsaid", error=type(error).__name__)
        finally:
            self._room.release()

    async def _known(self, due: NotificationDue) -> Known:
        """Sooner or later: nothing is written before it is known. Raises `Unavailable` at a stop."""
        while True:
            try:
                return Known(
                    language=await language_of(self._engine, due.address_id) if due.template == RECEIVED else "",
                    shut=await shut_for(self._engine, due.address_id, due.channel, self._clock(), heard(due)),
                )
            except Unavailable:
                if await self._engine.stopped(AGAIN_S):
                    raise

    def written(self, due: NotificationDue, known: Known = NOTHING) -> Event:
        """What becomes of it."""
        now = self._clock()
        if due.until and now >= due.until:
            return NotificationWithheld(at=now, notification_id=due.notification_id, reason="expired")
        if next_open(due.channel, now, due.template) > now:
            return NotificationPostponed(at=now, notification_id=due.notification_id, channel=due.channel)
        if shut := known.shut or self._unreachable(due):
            return failed(due, now, shut)
        if not self._informs(due):
            return NotificationWithheld(at=now, notification_id=due.notification_id, reason="not-informed")
        try:
            message = self._message(due, now, self._language(due, known))
        except Exception as error:  # noqa: BLE001  # A text that cannot be filled in holds nobody else up.
            log.error("notify.unwritten", template=due.template, error=reason(error))  # noqa: TRY400
            return failed(due, now, "not-written")
        return failed(due, now, lacks) if (lacks := self._lacks(due, now, message)) else message

    def _lacks(self, due: NotificationDue, now: datetime, message: ContactMade) -> str:
        """Why nobody is helped by it: nothing of it is known, or a question leads to no answer. Empty where it is."""
        if not message.text or (due.channel in TITLED and not message.title):
            return "not-written"
        link = self._link(due, now)
        return "" if due.template not in ASKS or (link and link in message.text) else "no-link"

    def kept(self, due: NotificationDue, outcome: Event) -> Sequence[NotificationWritten]:
        """That it was written, and what can prove later in which words."""
        if not isinstance(outcome, ContactMade):
            return ()
        template = self._template(due, outcome.language)
        wording, text = self._texts[outcome.language][due.template].chosen(due.about)
        stood = template.model_dump_json() if template else text.model_dump_json(exclude={"other"})
        words = json.dumps([outcome.title, outcome.text, outcome.calendar], ensure_ascii=False)
        return [
            NotificationWritten(
                at=outcome.at,
                notification_id=due.notification_id,
                channel=due.channel,
                address_id=due.address_id,
                message_id=outcome.message_id,
                language=outcome.language,
                text_digest=sha256(stood.encode()).hexdigest(),
                words_digest=sha256(words.encode()).hexdigest(),
                wording=USUAL if template else wording,
            )
        ]

    def _informs(self, due: NotificationDue) -> bool:
        """Whether the municipality wants this told, or asked, at all."""
        if due.template in ASKS:
            return self._opinion is not None and not {due.kind, due.product} & {*self._opinion.sensitive}
        if due.template != RECEIVED:
            return self._status(due).inform
        ours = due.address in self._senders.values()  # A mail from ourselves asks nothing.
        return due.kind in self._settings.confirms and not ours

    def _unreachable(self, due: NotificationDue) -> str:
        """Why nothing can be written on this road; empty where it can."""
        if due.channel == "whatsapp" and due.template != RECEIVED:
            return "" if self._template(due, self._language(due, NOTHING)) else "no-template"
        if due.channel != "letter":
            return ""
        if not self._letters:
            return "no-road"
        _, text = self._texts[self._language(due, NOTHING)][due.template].chosen(due.about)
        return "" if text.letter else "not-written"

    def _template(self, due: NotificationDue, language: str) -> Template | None:
        """What Meta carries also to who did not write to us in the last 24 hours."""
        found = self._settings.whatsapp.get(language, {}) if due.channel == "whatsapp" else {}
        return found.get(due.template)

    def _language(self, due: NotificationDue, known: Known) -> str:
        asked = (known.language if due.template == RECEIVED else "", due.language)
        return next((language for language in asked if language in self._texts), LANGUAGES[0])

    def _message(self, due: NotificationDue, now: datetime, language: str) -> ContactMade:
        _, text = self._texts[language][due.template].chosen(due.about)
        said, mail, template = self._said(due, language, now), due.channel == "email", self._template(due, language)
        sender = self._senders.get(self._settings.email_inbox, "")
        name = derived(f"{due.subject} {due.channel} {due.at.isoformat()}")
        return ContactMade(
            at=now,
            contact_id=name,
            message_id=name,
            thread_id=due.thread_id or name,  # What they answer begins a conversation of that name.
            address_id=due.address_id,
            channel=due.channel,
            agent_id=AGENT,
            address=due.address,
            inbox=self._inbox(due),
            title=self._title(due, text, said),
            text=template.text.format_map(said) if template else self._text(due.channel, text, said),
            about=due.about,
            notification_id=due.notification_id,
            until=min(filter(None, (due.until, closes(due.channel, now, due.template))), default=None),
            language=language,
            calendar=self._calendar(due, sender, language) if mail and sender else "",
            reply_to=due.reply_to,
            unsubscribe=said["stop"] if mail else "",
            template=f"{template.name}/{template.language}" if template else "",
            values=tuple(said[name] for name in template.fields) if template else (),
        )

    def _title(self, due: NotificationDue, text: Wording, said: Mapping[str, str]) -> str:
        if due.channel not in TITLED:
            return ""
        if due.reply_to and due.title:
            return due.title
        return headed(text.title, said) if due.channel == "email" else filled(text.title, said)

    def _text(self, channel: str, text: Wording, said: Mapping[str, str]) -> str:
        match channel:
            case "email":
                return filled(text.text, said)
            case "letter":
                return filled(text.letter, said)
        return short(text.sms, said)

    def _inbox(self, due: NotificationDue) -> str:
        if due.inbox != "unknown":
            return due.inbox  # Where it came in.
        ours = self._settings
        inboxes = {"email": ours.email_inbox, "letter": LETTERS, "whatsapp": ours.whatsapp_inbox}
        return inboxes.get(due.channel, ours.sms_inbox)

    def _said(self, due: NotificationDue, language: str, now: datetime) -> Mapping[str, str]:
        place, status = self._place(due), self._status(due).said(language)
        starts = due.starts_at.astimezone(place.zone) if due.starts_at else None
        until = day_of(due.due) if due.due else None
        if due.template == RECEIVED:
            until = answered_by(day_of(due.at), self._answer_days)
        return {
            "organisation": self._settings.organisation,
            "phone": self._settings.phone,
            "title": due.title,
            "status": status.title or due.named or ("" if due.status == "unknown" else due.status.replace("-", " ")),
            "says": status.says or due.says,
            "next": status.next,
            "due": format_date(until, "d MMMM y", language) if until else "",
            "due_short": format_date(until, "d MMM", language) if until else "",
            "day": format_date(starts, "EEEE d MMMM y", language) if starts else "",
            "day_short": format_date(starts, "EEE d MMM", language) if starts else "",
            "hour": format_time(starts, "HH:mm", locale=language) if starts else "",
            "branch": place.title,
            "code": due.code,
            "link": self._link(due, now),
            "stop": self._stop(due, now),
            "contact": CONTACT[language].get(due.happened_by, ""),
            "contact_day": format_date(day_of(due.happened_at), "d MMMM y", language) if due.happened_at else "",
            "contact_day_short": format_date(day_of(due.happened_at), "d MMM", language) if due.happened_at else "",
        }

    def _link(self, due: NotificationDue, now: datetime) -> str:
        """To the question, or the appointment; else to all that is theirs, which goes only where they surely are."""
        if due.template in ASKS:
            return self._links.to(OPINION, due.notification_id, now)
        kind, _, name = due.about.partition("/")
        if kind == "appointment":
            return self._links.to(APPOINTMENT, name, now)
        return self._links.to(PARTY, due.party_id, now)

    def _stop(self, due: NotificationDue, now: datetime) -> str:
        """Where they say that they want no more of this kind; empty where they have to hear it."""
        kind = kind_of(due.template)
        return self._links.to(f"{UNSUBSCRIBE}/{kind}", due.party_id, now) if kind in OPTIONAL else ""

    def _place(self, due: NotificationDue) -> Place:
        return self._places.get(due.branch) or Place("" if due.branch == "unknown" else due.branch)

    def _status(self, due: NotificationDue) -> Status:
        return self._settings.statuses.get(due.kind, {}).get(due.status, NO_STATUS)

    def _calendar(self, due: NotificationDue, sender: str, language: str) -> str:
        if not due.starts_at or due.template == "appointment-reminder":
            return ""
        branch, organisation = self._place(due).title, self._settings.organisation
        agreed = Agreed(due.about, due.version, due.starts_at, due.minutes, branch, organisation, sender, language)
        return calendar(agreed, due.at, due.address, off=due.template == "appointment-cancelled")


def failed(due: NotificationDue, now: datetime, reason: str) -> NotificationFailed:
    return NotificationFailed(at=now, notification_id=due.notification_id, channel=due.channel, reason=reason)


def headed(text: str, said: Mapping[str, str]) -> str:
    """What a mail is about, with as much of the title of the case as can be seen; all of it stands in the mail."""
    whole = filled(text, said)
    room = len(said["title"]) - max(0, len(whole) - SUBJECT_CHARS_MAX)
    return filled(text, {**said, "title": shorten(said["title"], max(1, room), placeholder="…")})


def short(text: str, said: Mapping[str, str]) -> str:
    """An SMS: one rather than two, if need be without what is on its letters, and at last without its link."""
    whole, without = plain(filled(text, said)), plain(filled(text, {**said, "link": ""}))
    ways = (whole, bare(whole), without, bare(without))
    return next((way for way in ways if counted(way).segments == 1), bare(without))
