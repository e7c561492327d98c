"""What was told and by which road, as residents read it in a story."""

from collections.abc import Mapping
from typing import Final

# By which road, in a sentence.
BY: Final[Mapping[str, Mapping[str, str]]] = {
    "nl": {
        "email": "per mail",
        "sms": "per sms",
        "whatsapp": "per WhatsApp",
        "phone": "per telefoon",
        "letter": "per brief",
        "web": "op onze website",
        "chat": "in de chat",
        "counter": "aan de balie",
    },
    "en": {
        "email": "by e-mail",
        "sms": "by text message",
        "whatsapp": "by WhatsApp",
        "phone": "by telephone",
        "letter": "by letter",
        "web": "on our website",
        "chat": "in the chat",
        "counter": "at the counter",
    },
}
# What was told, by its template.
TOLD: Final[Mapping[str, Mapping[str, str]]] = {
    "nl": {
        "appointment-booked": "uw afspraak staat vast",
        "appointment-changed": "uw afspraak is verzet",
        "appointment-cancelled": "uw afspraak gaat niet door",
        "appointment-reminder": "denkt u aan uw afspraak?",
        "case-opened": "wij zijn begonnen",
        "case-status": "er is nieuws",
        "case-due": "wanneer wij klaar zijn",
        "case-closed": "wij zijn klaar",
        "case-reopened": "wij gaan verder",
        "opinion-contact": "wat vindt u van onze hulp?",
        "opinion-case": "wat vindt u van onze hulp?",
        "": "nieuws van ons",
    },
    "en": {
        "appointment-booked": "your appointment is confirmed",
        "appointment-changed": "your appointment has been moved",
        "appointment-cancelled": "your appointment is cancelled",
        "appointment-reminder": "a reminder of your appointment",
        "case-opened": "we started",
        "case-status": "there is news",
        "case-due": "when we will finish",
        "case-closed": "we finished",
        "case-reopened": "we continue",
        "opinion-contact": "what do you think of our help?",
        "opinion-case": "what do you think of our help?",
        "": "news from us",
    },
}
