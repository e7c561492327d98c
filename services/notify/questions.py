"""That somebody was asked what they think, said to the opinion, once it left us: of those asked, some answer."""

from typing import Final

from engine.processor import State, processor
from schemas.event import Event
from schemas.notification import NotificationRequested, NotificationSent
from schemas.opinion import OpinionAsked
from services.notify.opinion import ASKS

NAME: Final = "notify.questions"


class Question(State, frozen=True):
    """The request, as long as it has not left us; nothing of what asks no opinion."""

    request: str = ""


def send(known: Question, event: NotificationRequested | NotificationSent) -> tuple[Question, list[Event]]:
    match event:
        case NotificationRequested() if event.template in ASKS:
            return known.but(request=event.model_dump_json(exclude_defaults=True, exclude={"routes"})), []
        case NotificationSent() if known.request:
            return Question(), [asked(NotificationRequested.model_validate_json(known.request), event)]
    return known, []


def asked(request: NotificationRequested, event: NotificationSent) -> OpinionAsked:
    assert request.happened_at, "whoever asks says of what"
    return OpinionAsked(
        at=event.at,
        opinion_id=request.notification_id,
        party_id=request.party_id,
        address_id=event.address_id,
        about=request.about,
        channel=request.happened_by,
        product=request.product,
        kind=request.kind,
        happened_at=request.happened_at,
        road=event.channel,
    )


questions = processor(NAME, send)
