"""`draad texts preview`: every text as residents read it, filled with an example, and what is wrong with it."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from channels.channel import Message
from channels.gsm import counted
from channels.link import Links
from channels.posting import paged
from channels.printing import printed
from draad.site import Site
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from schemas.contact import ContactMade
from schemas.errors import Refused
from schemas.event import derived
from schemas.notification import NotificationDue
from services.notify.hours import RECEIVED
from services.notify.opinion import ASKS
from services.notify.settings import NotifySettings, OpinionSettings
from services.notify.texts import USUAL, Texts, Written, read_texts
from services.notify.writer import Letterhead, Place, Writer

NOW: Final = datetime(2026, 9, 28, 9, 0, tzinfo=UTC)  # On a Monday morning, when every road is open.
STARTS: Final = NOW + timedelta(days=9, minutes=30)
WORDS_MAX: Final = 20  # Of a sentence: longer ones are not of level B1.
SENTENCE: Final = re.compile(r"[.?!:]\s|\n")
NOBODY: Final = NotifySettings(organisation="Gemeente Voorbeeld", phone="14 020")
ADDRESSES: Final = {
    "email": "inwoner@simulator.example",
    "sms": "+46701740610",
    "whatsapp": "+46701740610",
    "letter": "J. Voorbeeld, Dorpsstraat 1, 1234 AB Voorbeeld",
}
ROADS: Final = ("email", "sms", "whatsapp", "letter")


class Shown(NamedTuple):
    """One text on one road, as it is read."""

    template: str
    language: str
    road: str
    wording: str
    title: str
    text: str

    @property
    def name(self) -> str:
        return "-".join((self.language, self.template, *([self.wording] if self.wording != USUAL else [])))


def preview(site: Site, folder: Path | None, say: Callable[[str], None]) -> bool:
    """Say each text, and what is wrong with it; put mails as pages and letters as PDF in a folder. True if all is well.

    Raises `Refused` where the folder cannot be written in.
    """
    wrong = 0
    for shown in every(site):
        say(f"\n── {shown.name}, {shown.road} " + "─" * 30)
        say(f"{shown.title}\n\n{shown.text}" if shown.title else shown.text)
        if shown.road == "sms":
            count = counted(shown.text)
            say(f"   ({len(shown.text)} signs, {count.segments} SMS)")
        for fault in faults(shown):
            wrong += 1
            say(f"   WRONG  {fault}")
        if folder:
            put(shown, folder)
    say(f"\n{wrong} thing{'s' if wrong > 1 else ''} to mend." if wrong else "\nNothing to mend.")
    return not wrong


def every(site: Site) -> Iterator[Shown]:
    """What the writer writes, in each wording of this municipality; where it has none yet, in ours."""
    engine, head = Engine(MemoryStore(Disk(), now)), letterhead(site)
    for language, template, wording, text in wordings(head.texts):
        writer = Writer(engine, head._replace(texts={language: {template: text}}), now)
        for road in ROADS:
            outcome = writer.written(example(site, template, language, road))
            if isinstance(outcome, ContactMade):
                yield Shown(template, language, road, wording, outcome.title, outcome.text)


def wordings(texts: Texts) -> Iterator[tuple[str, str, str, Written]]:
    """Language, template, and the name of a wording, with that wording alone."""
    for language, templates in texts.items():
        for template, text in templates.items():
            for name, wording in {USUAL: text, **text.other}.items():
                yield language, template, name, Written(**wording.model_dump(exclude={"other"}))


def letterhead(site: Site) -> Letterhead:
    places = {name: Place(branch.title, branch.here) for name, branch in site.branches.items()}
    links = Links(b"preview", "https://contact.voorbeeld.nl")
    settings = site.notify or NOBODY
    texts, asks = site.texts or read_texts(), site.opinion or OpinionSettings(sensitive=())
    return Letterhead(settings, texts, places, {}, links, site.form.answer_days, letters=True, opinion=asks)


def now() -> datetime:
    return NOW


def example(site: Site, template: str, language: str, road: str) -> NotificationDue:
    """An appointment at the branch with the longest name, and the first status that is worded."""
    branch = max(site.branches, key=lambda name: len(site.branches[name].title))
    statuses = site.notify.statuses if site.notify else {}
    informs = [(kind, name) for kind, each in statuses.items() for name, status in each.items() if status.inform]
    kind, status = next(iter(informs), ("passport", "in-behandeling"))
    visit = template.startswith("appointment-")
    more: dict[str, Any] = {"branch": branch, "starts_at": STARTS, "minutes": 20, "code": "BK417"} if visit else {}
    more |= {"happened_at": NOW, "happened_by": "phone"} if template in ASKS else {}
    return NotificationDue(
        at=NOW,
        notification_id=derived("preview"),
        party_id=derived("preview"),
        about=f"{'appointment' if visit else 'case'}/{derived('preview')}",
        template=template,
        language=language,
        kind=road if template == RECEIVED else kind,
        title="" if template == RECEIVED else "Paspoort aanvragen",
        status=status,
        due=NOW + timedelta(days=30),
        channel=road,
        address=ADDRESSES[road],
        address_id="preview",
        **more,
    )


def faults(shown: Shown) -> Iterator[str]:
    """What a neighbour would not understand, or what costs twice."""
    if shown.road == "sms":
        count = counted(shown.text)
        if count.segments > 1:
            yield f"It makes {count.segments} SMS of one: make it shorter."
        if not count.small:
            yield "It has a sign that is not in the alphabet of SMS, so that less than half fits in one."
    if "http://" in shown.text:
        yield "A link that is not https: others can read along."
    for sentence in SENTENCE.split(f"{shown.title}\n{shown.text}"):
        if len(words := sentence.split()) > WORDS_MAX:
            yield f"A sentence of {len(words)} words: make two of it."


def put(shown: Shown, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shown.road == "email":
            page = paged(f"{shown.title}\n\n{shown.text}", shown.language, shown.title)
            (folder / f"{shown.name}.html").write_text(page, encoding="utf-8")
        if shown.road == "letter":
            (folder / f"{shown.name}.pdf").write_bytes(printed(letter(shown), NOBODY.organisation))
    except OSError as error:
        raise Refused(f"cannot write in that folder ({error.strerror}): name another one") from None


def letter(shown: Shown) -> Message:
    return Message(
        message_id="preview",
        address_id="preview",
        address=ADDRESSES["letter"],
        inbox="main",
        text=shown.text,
        title=shown.title,
        at=NOW,
        language=shown.language,
    )
