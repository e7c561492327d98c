"""Who lives and works in this town: made up, each of them, and the same every time.

Their mail addresses are in domains that nobody can have. Their numbers look real, and nothing that is sent there leaves
this process.
"""

from typing import Final, NamedTuple

FIRST: Final = (
    "Aleida", "Bram", "Cato", "Daan", "Emine", "Fedde", "Guusje", "Hassan", "Ilse", "Joost", "Kaveh", "Lieke",
    "Maarten", "Noor", "Okke", "Priya", "Quinten", "Roos", "Sjoerd", "Tamar", "Umit", "Veerle", "Wessel", "Yara",
)  # fmt: skip
LAST: Final = (
    "Verzonnen", "Denkbeeld", "Voorbeeld", "Bedacht", "Oefenstra", "Spelinga", "Nergens", "Schijn", "Doenalsof",
    "Papierenburg", "Zogenaamd", "Toneel", "Verhaaltjes", "Nagebootst", "Droomstad", "Fabeltjes", "Maskerade",
    "Poppenkast", "Rollenspel", "Decorstuk", "Figurant", "Luchtkasteel", "Sprookjes", "Proefpersoon",
)  # fmt: skip
AGENTS: Final = ("sanne", "bilal", "marloes", "tijmen", "gerda")
GONE: Final = "oude-mailbox@weg.example"  # A mailbox that is no more.
BY_SMS: Final = 5  # Every fifth resident has no mail, and is told by SMS.


class Resident(NamedTuple):
    """Somebody in this town, with a telephone, and mostly with mail."""

    name: str
    phone: str
    email: str


class Question(NamedTuple):
    """What somebody asks, what a colleague answers, and the product that it is about."""

    product: str
    title: str
    text: str
    answer: str


def resident(nth: int) -> Resident:
    """There are as many as anybody needs, each with a name of their own for the first 576."""
    round_, first = divmod(nth, len(FIRST))
    name = f"{FIRST[first]} {LAST[(first + round_) % len(LAST)]}"
    box = f"{name.lower().replace(' ', '.')}.{nth}"
    mail = "" if nth % BY_SMS == BY_SMS - 1 else f"{box}@post.example"
    return Resident(name, f"+316120{nth:05}", mail)


QUESTIONS: Final = (
    Question(
        "paspoort",
        "Paspoort verlengen",
        "Mijn paspoort verloopt volgende maand. Wat moet ik meenemen naar de balie?",
        "Neem uw oude paspoort mee en een pasfoto die niet ouder is dan zes maanden.",
    ),
    Question(
        "rijbewijs",
        "Rijbewijs",
        "Kan ik mijn rijbewijs ook online verlengen?",
        "Ja, dat kan bij de RDW, met een fotograaf die daaraan meedoet. Bij ons aan de balie kan het ook.",
    ),
    Question(
        "verhuizing",
        "Verhuizing doorgeven",
        "Wij verhuizen volgende week binnen de gemeente. Hoe geef ik dat door?",
        "U geeft het online door, vanaf vier weken voor en tot vijf dagen na de verhuizing.",
    ),
    Question(
        "melding",
        "Losse stoeptegel",
        "Op de hoek van de Zonnelaan ligt een stoeptegel los. Mijn moeder viel er bijna over.",
        "Dank u voor uw melding. Wij zetten er vandaag een hek en leggen hem binnen drie werkdagen recht.",
    ),
    Question(
        "afval",
        "Grijze container",
        "De grijze container is deze week niet geleegd. Komt u nog?",
        "Het spijt ons. De wagen komt morgenochtend voor acht uur alsnog langs.",
    ),
    Question(
        "parkeren",
        "Parkeervergunning",
        "Ik heb een nieuwe auto. Hoe verander ik het kenteken van mijn parkeervergunning?",
        "Wij hebben het voor u aangepast. U hoeft niets meer te doen.",
    ),
    Question(
        "uittreksel",
        "Uittreksel",
        "Ik heb een uittreksel nodig voor mijn nieuwe huis. Hoe snel kan dat?",
        "Aan de balie krijgt u het meteen mee. Online aangevraagd is het er binnen drie werkdagen.",
    ),
    Question(
        "vergunning",
        "Dakkapel",
        "Heb ik een vergunning nodig voor een dakkapel aan de achterkant?",
        "Meestal niet. Een collega van vergunningen kijkt het voor u na en belt u.",
    ),
)
THANKS: Final = ("Dank u wel!", "Fijn, dank voor de snelle reactie.", "Helder, dank u.", "Top, dan kom ik langs.")
