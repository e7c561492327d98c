"""What residents read on our own form, in Dutch of level B1 and in English."""

from collections.abc import Mapping
from datetime import date
from typing import Final

MONTHS: Final[Mapping[str, tuple[str, ...]]] = {
    "nl": tuple(
        "januari februari maart april mei juni juli augustus september oktober november december".split()  # noqa: SIM905
    ),
    "en": tuple(
        "January February March April May June July August September October November December".split()  # noqa: SIM905
    ),
}
DAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "nl": ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "nl": {
        "other": "en",
        "other_name": "English",
        "skip": "Naar de inhoud",
        "title": "Stel uw vraag",
        "lead": "Wij antwoorden binnen {days} per e-mail of telefoon.",
        "one_day": "1 werkdag",
        "more_days": "{n} werkdagen",
        "call": "Kunt u niet wachten? Bel dan {phone}.",
        "question": "Wat is uw vraag?",
        "question_hint": "Stuur geen burgerservicenummer (BSN) mee, en niets over uw gezondheid.",
        "reach": "Hoe kunnen wij u bereiken?",
        "reach_hint": "Vul minstens één van de twee in.",
        "email": "E-mailadres",
        "phone": "Telefoonnummer",
        "name": "Uw naam (niet verplicht)",
        "website": "Laat dit veld leeg",
        "send": "Verstuur uw vraag",
        "privacy": "Wij gebruiken uw gegevens alleen om uw vraag te beantwoorden.",
        "wrong": "Fout",
        "wrong_title": "Uw vraag is nog niet verstuurd",
        "wrong_question": "Schrijf op wat u wilt vragen",
        "wrong_long": "Maak uw vraag korter: er passen {max} tekens, en u hebt er {n}",
        "wrong_bsn": "Wij hebben een nummer weggehaald dat op een BSN lijkt. Lees uw vraag na, en verstuur hem opnieuw",
        "wrong_reach": "Vul een e-mailadres of een telefoonnummer in",
        "wrong_email": "Vul een e-mailadres in zoals naam@voorbeeld.nl",
        "wrong_phone": "Vul een telefoonnummer in zoals 06 12345678",
        "wrong_name": "Vul een kortere naam in",
        "wrong_website": "Maak dit veld leeg",
        "wrong_form": "Deze pagina stond te lang open. Verstuur uw vraag opnieuw",
        "wrong_fast": "Dat ging wel heel snel. Lees uw vraag na, en verstuur hem opnieuw",
        "wrong_body": "Wij konden niet lezen wat er verstuurd werd. Vul het formulier opnieuw in",
        "wrong_later": "Het lukt nu even niet. Verstuur uw vraag over een minuut opnieuw: zij komt maar één keer aan",
        "gone": "Deze pagina is er niet",
        "too_large": "Uw vraag is te lang. Maak hem korter, en verstuur hem opnieuw",
        "too_many": "Het is nu erg druk. Wacht een minuut, en probeer het opnieuw",
        "failed": "Het lukt nu even niet. Probeer het over een minuut opnieuw",
        "thanks": "Wij hebben uw vraag",
        "by": "Wij antwoorden uiterlijk {day}.",
        "number": "Uw nummer is {number}.",
        "number_why": "Belt u ons over deze vraag? Noem dan dit nummer.",
        "asked": "Dit hebt u gevraagd",
        "again": "Stel nog een vraag",
    },
    "en": {
        "other": "nl",
        "other_name": "Nederlands",
        "skip": "Skip to content",
        "title": "Ask your question",
        "lead": "We answer within {days} by e-mail or telephone.",
        "one_day": "1 working day",
        "more_days": "{n} working days",
        "call": "Cannot wait? Call {phone}.",
        "question": "What is your question?",
        "question_hint": "Do not send your citizen service number (BSN), or anything about your health.",
        "reach": "How can we reach you?",
        "reach_hint": "Fill in at least one of the two.",
        "email": "E-mail address",
        "phone": "Telephone number",
        "name": "Your name (optional)",
        "website": "Leave this field empty",
        "send": "Send your question",
        "privacy": "We use your details only to answer your question.",
        "wrong": "Error",
        "wrong_title": "Your question has not been sent yet",
        "wrong_question": "Write down what you want to ask",
        "wrong_long": "Make your question shorter: {max} characters fit, and you have {n}",
        "wrong_bsn": "We removed a number that looks like a BSN. Check your question, and send it again",
        "wrong_reach": "Fill in an e-mail address or a telephone number",
        "wrong_email": "Fill in an e-mail address such as name@example.com",
        "wrong_phone": "Fill in a telephone number such as 06 12345678, or +44 20 7946 0000",
        "wrong_name": "Fill in a shorter name",
        "wrong_website": "Empty this field",
        "wrong_form": "This page was open for too long. Send your question again",
        "wrong_fast": "That was very quick. Check your question, and send it again",
        "wrong_body": "We could not read what was sent. Fill in the form again",
        "wrong_later": "This does not work right now. Send your question again in a minute: it arrives only once",
        "gone": "This page does not exist",
        "too_large": "Your question is too long. Make it shorter, and send it again",
        "too_many": "It is very busy right now. Wait a minute, and try again",
        "failed": "This does not work right now. Try again in a minute",
        "thanks": "We have your question",
        "by": "We answer by {day} at the latest.",
        "number": "Your number is {number}.",
        "number_why": "If you call us about this question, mention this number.",
        "asked": "This is what you asked",
        "again": "Ask another question",
    },
}


def day(on: date, language: str) -> str:
    name, month = DAYS[language][on.weekday()], MONTHS[language][on.month - 1]
    return f"{name} {on.day} {month}"


def days(number: int, language: str) -> str:
    words = WORDS[language]
    return words["one_day"] if number == 1 else words["more_days"].format(n=number)
