"""An appointment as calendars read it: the same one each time, in a later version; or called off."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from icalendar import Calendar, Event, Timezone, vCalAddress, vText

from channels.days import ZONE

# By a rule, not by a list of dates: Outlook reads a list wrongly.
RULE: Final = """BEGIN:VTIMEZONE
TZID:Europe/Amsterdam
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
"""
MINUTES: Final = 15  # Of an appointment of which nobody said how long it takes.
PRODUCT: Final = "-//Draad//Afspraken//NL"
SUMMARY: Final[Mapping[str, str]] = {"nl": "Afspraak {}", "en": "Appointment {}"}


class Agreed(NamedTuple):
    """What stands in the calendar."""

    about: str  # The subject: appointment/3f2a.
    version: int  # The how manieth agreement it is.
    starts_at: datetime
    minutes: int
    branch: str
    organisation: str
    sender: str  # The mail address that speaks for the organisation; empty where there is none.
    language: str = "nl"  # Of whoever reads it.


def calendar(agreed: Agreed, at: datetime, to: str = "", *, off: bool = False) -> str:
    """The text of the file: the same for the same appointment, told at the same moment.

    With `to`, the mail address of who is invited, their calendar takes it in by itself; without it they do so.
    """
    starts = agreed.starts_at.astimezone(ZONE)
    event = Event()
    event.add("uid", f"{agreed.about.replace('/', '-')}@{agreed.sender.rpartition('@')[2] or 'draad'}")
    event.add("sequence", agreed.version + off)
    event.add("dtstamp", at)
    event.add("dtstart", starts)
    event.add("dtend", starts + timedelta(minutes=agreed.minutes or MINUTES))
    summary = SUMMARY.get(agreed.language, SUMMARY["nl"]).format(agreed.organisation)
    event.add("summary", summary)  # Not what it is about: others look at calendars too.
    event.add("location", vText(agreed.branch))
    event.add("status", "CANCELLED" if off else "CONFIRMED")
    if agreed.sender:
        organizer = vCalAddress(f"mailto:{agreed.sender}")
        organizer.params["cn"] = vText(agreed.organisation)
        event["organizer"] = organizer
    if to:
        event["attendee"] = vCalAddress(f"mailto:{to}")
    found = Calendar()
    found.add("prodid", PRODUCT)
    found.add("version", "2.0")
    found.add("method", "CANCEL" if off else "REQUEST" if to else "PUBLISH")
    found.add_component(Timezone.from_ical(RULE))
    found.add_component(event)
    text: bytes = found.to_ical()
    return text.decode()
