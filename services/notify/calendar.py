"""An appointment as calendars read it: the same one each time, in a later version; or called off."""

from datetime import timedelta
from typing import Final

from icalendar import Calendar, Event, Timezone, vCalAddress, vText

from channels.days import ZONE
from schemas.notification import NotificationDue

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


def calendar(told: NotificationDue, organisation: str, sender: str, branch: str) -> str:
    """The text of the file: the same for the same notification. `sender` is the mail address that it comes from."""
    assert told.starts_at is not None
    starts = told.starts_at.astimezone(ZONE)
    off = told.template == "appointment-cancelled"
    event = Event()
    event.add("uid", f"{told.about.replace('/', '-')}@{sender.rpartition('@')[2]}")
    event.add("sequence", told.version + off)
    event.add("dtstamp", told.at)
    event.add("dtstart", starts)
    event.add("dtend", starts + timedelta(minutes=told.minutes or MINUTES))
    event.add("summary", f"Afspraak {organisation}")  # Not what it is about: others look at calendars too.
    event.add("location", vText(branch))
    event.add("status", "CANCELLED" if off else "CONFIRMED")
    organizer = vCalAddress(f"mailto:{sender}")
    organizer.params["cn"] = vText(organisation)
    event["organizer"] = organizer
    event["attendee"] = vCalAddress(f"mailto:{told.address}")
    found = Calendar()
    found.add("prodid", PRODUCT)
    found.add("version", "2.0")
    found.add("method", "CANCEL" if off else "REQUEST")
    found.add_component(Timezone.from_ical(RULE))
    found.add_component(event)
    text: bytes = found.to_ical()
    return text.decode()
