"""Opinion: what somebody thinks of how they were helped. A score from 1 to 10, and why.

It is prompted by something that is over; wanted, at most once in a while of the same party; asked, when the question
left us; given by them; and counted.
"""

from typing import Annotated, ClassVar, Final

from pydantic import Field

from schemas.event import NONE, About, Count, Event, Id, NoId, NoLine, NoWhen, Text, When, Word, Yes

SCORE_MAX: Final = 10
Score = Annotated[int, Field(ge=1, le=SCORE_MAX), NONE]


class Occasion(Event):
    """Of what is asked. `about` is its subject, such as contact/c1, appointment/a1 or case/3f2a."""

    opinion_id: Id
    party_id: Id  # Of nobody that we know: unknown. and the pseudonym of their address.
    address_id: NoId = ""
    about: About
    channel: Word = "unknown"  # By which they had to do with us; case, of a case.
    product: Word = "unknown"
    kind: Word = "unknown"  # Of the case, if there is one.
    happened_at: When

    @property
    def subject(self) -> str:
        return f"opinion/{self.opinion_id}"


class OpinionPrompted(Occasion):
    """It is over, so that they could be asked until `until`; whether they are is decided next."""

    type: ClassVar[str] = "opinion.prompted"

    until: When
    road: Word = "unknown"  # To the address, where it is known: email, sms.
    address: NoLine = ""
    language: Word = "nl"

    @property
    def subject(self) -> str:
        return f"party/{self.party_id}"


class OpinionPassed(OpinionPrompted):
    """Whether they are asked is decided for the party `decider_id`, with which they are one."""

    type: ClassVar[str] = "opinion.passed"

    decider_id: Id

    @property
    def subject(self) -> str:
        return f"party/{self.decider_id}"


class OpinionWanted(Occasion):
    """They are to be asked."""

    type: ClassVar[str] = "opinion.wanted"


class OpinionAsked(Occasion):
    """The question left us on this `road`: from now on no answer is an answer too."""

    type: ClassVar[str] = "opinion.asked"

    road: Word


class OpinionGiven(Event):
    """They answered. Within a day they may do so again, and the last answer stands."""

    type: ClassVar[str] = "opinion.given"

    opinion_id: Id
    score: Score
    text: Text = ""  # Why.

    @property
    def subject(self) -> str:
        return f"opinion/{self.opinion_id}"


class OpinionCounted(Occasion):
    """This answer counts, in place of `before` if they had answered already."""

    type: ClassVar[str] = "opinion.counted"

    score: Score
    before: Count = 0  # The score that it takes the place of.
    wanted_at: NoWhen = None


class OpinionDeclined(Event):
    """They want to be asked no more."""

    type: ClassVar[str] = "opinion.declined"

    party_id: Id

    @property
    def subject(self) -> str:
        return f"party/{self.party_id}"


class OpinionShared(Event):
    """This party is one with `decider_id`, for whom it is decided from now on whether they are asked."""

    type: ClassVar[str] = "opinion.shared"

    party_id: Id
    decider_id: Id

    @property
    def subject(self) -> str:
        return f"party/{self.party_id}"


class OpinionRemembered(Event):
    """What is known of a party that is one with this one: when it was asked last, and whether it wants that no more."""

    type: ClassVar[str] = "opinion.remembered"

    party_id: Id
    asked_at: NoWhen = None
    declined: Yes = False

    @property
    def subject(self) -> str:
        return f"party/{self.party_id}"
