"""Each text is shown as it is read, and what is wrong with it is said before anybody reads it."""

from pathlib import Path
from typing import Final

import pytest

from draad.site import Site
from draad.texts import every, preview
from schemas.errors import Refused
from services.intake.branches import branches
from services.notify.settings import NotifySettings, Template
from services.notify.texts import LANGUAGES, read_texts

OWN: Final = """
[case-closed]
title = "Klaar"
text = "{}"
sms = "{}"
[case-closed.other.short]
title = "Klaar!"
text = "Het is klaar."
sms = "Klaar."
"""


def shown(site: Site, folder: Path | None = None) -> tuple[bool, str]:
    said: list[str] = []
    return preview(site, folder, said.append), "\n".join(said)


def own(folder: Path, text: str = "Wij zijn klaar.", sms: str = "Klaar.") -> Site:
    (folder / "nl.toml").write_text(OWN.format(text, sms), encoding="utf-8")
    return Site(notify=NotifySettings(organisation="Gemeente Ons"), texts=read_texts(folder))


def test_our_own_texts_have_nothing_to_mend_on_any_road() -> None:
    well, said = shown(Site())
    assert well, said
    assert said.endswith("Nothing to mend.")
    found = {(one.language, one.template, one.road) for one in every(Site())}
    assert {each[:2] for each in found} == {(language, name) for language in LANGUAGES for name in read_texts()["nl"]}
    assert ("nl", "case-closed", "letter") in found
    assert ("nl", "case-closed", "whatsapp") not in found


def test_what_a_municipality_wrote_itself_is_shown_in_each_wording_and_as_pages_and_letters(tmp_path: Path) -> None:
    site = own(tmp_path)
    well, said = shown(site, tmp_path / "out")
    assert well, said
    assert "── nl-case-closed-short, email" in said
    assert "Klaar!\n\nHet is klaar." in said
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"nl-case-closed.html", "nl-case-closed-short.html", "nl-case-opened.pdf"} <= names
    assert "nl-case-closed.pdf" not in names  # They wrote no letter for it.
    assert "<p>Wij zijn klaar.</p>" in (tmp_path / "out" / "nl-case-closed.html").read_text()
    assert (tmp_path / "out" / "nl-case-opened.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"sms": "Klaar. " * 30}, "It makes 2 SMS of one"),
        ({"sms": "Klaar, Zoë."}, "not in the alphabet of SMS"),
        ({"text": "Kijk op http://voorbeeld.nl."}, "A link that is not https"),
        ({"text": "En toen " + "weer iets " * 10}, "A sentence of 22 words"),
    ],
)
def test_what_costs_twice_or_is_hard_to_read_is_said(more: dict[str, str], fault: str, tmp_path: Path) -> None:
    well, said = shown(own(tmp_path, **more))
    assert not well
    assert fault in said
    assert said.endswith("1 thing to mend.")


def test_an_sms_is_measured_with_the_longest_name_of_a_branch_and_a_template_is_shown_as_it_is_filled() -> None:
    template = Template(name="herinnering", text="U komt naar {branch} op {day_short}.")
    notify = NotifySettings(organisation="Gemeente Ons", whatsapp={"nl": {"appointment-reminder": template}})
    there = "Stadskantoor in het winkelcentrum aan de Grote Markt bij het station en het park, zij-ingang links"
    site = Site(branches({"a": {"title": "Balie"}, "b": {"title": there}}), notify=notify, texts=read_texts())
    well, said = shown(site)
    assert not well
    assert "It makes 2 SMS of one" in said
    assert (
        f"── nl-appointment-reminder, whatsapp ──────────────────────────────\nU komt naar {there} op wo 7 okt." in said
    )


def test_a_folder_that_cannot_be_written_in_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="name another one"):
        preview(Site(), tmp_path / "file", print)
