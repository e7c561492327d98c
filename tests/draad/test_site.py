"""What residents meet is said in one file; what is wrong in it is said in one sentence that quotes no value."""

import re
from pathlib import Path

import pytest

from draad.configured import FILE_BYTES_MAX
from draad.parts import NOTIFY, OPINION, PARTS, ZAKEN, parts_of
from draad.settings import Misconfigured, Settings
from draad.site import channels_file, read_site
from services.zaken.settings import ZakenSettings
from tests.fakes.openzaak import settings_of

EXAMPLE = Path(__file__).parent.parent.parent / "infra" / "site.toml"


def test_without_a_file_there_is_one_branch_and_nothing_is_counted() -> None:
    site = read_site(None)
    assert (list(site.branches), site.form.answer_days, site.journey.products) == (["main"], 2, ())


def test_the_example_is_read() -> None:
    site = read_site(EXAMPLE)
    assert (site.branches["main"].title, site.form.phone) == ("Stadhuis", "14 020")
    assert site.journey.products == ("paspoort", "rijbewijs")
    assert site.notify
    assert (site.notify.organisation, site.notify.statuses["passport"]["ready"].inform) == ("Gemeente Voorbeeld", True)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("form = ?\n", "see line 1"),
        ("x = 1", "knows the tables"),
        ("form = 1", "knows the tables"),
        ("[form]\ngeheim = 1", r"\[form\]"),
        ("[form]\nanswer_days = 0", "answer_days"),
        ('[journey]\norigins = ["geheim"]', "origins"),
        ('[branches.main]\ntitle = "x"\nzone = "geheim"', "main.zone"),
        ('[branches."1"]\ntitle = "geheim"', "branches"),
        ("[notify]", r"\[notify\]: organisation"),
        ('[notify]\norganisation = "x"\ngeheim = 1', r"\[notify\]"),
        ('[notify]\norganisation = "x"\n[notify.statuses.passport.ready]\ngeheim = 1', r"\[notify\]"),
        ('[notify]\norganisation = "x"\ntexts = "geheim"', "neither nl.toml nor en.toml"),
        ("[opinion]", r"\[opinion\]: sensitive"),
        ("[opinion]\nsensitive = []", r"none \[notify\]"),
        ("[zaken]", r"\[zaken\]: zaken_url"),
        ('[zaken]\nzaken_url = "http://geheim.example/zaken/"', r"\[zaken\]: zaken_url"),
        ('[zaken]\nsecret = "geheim"', r"\[zaken\]"),
        ('[zaken]\nsecret = { env = "NOT_SET" }', "names a variable for secret in"),
        ("#" * (FILE_BYTES_MAX + 1), "larger"),
    ],
)
def test_what_is_wrong_is_said_and_never_quoted(tmp_path: Path, said: str, sentence: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(said)
    with pytest.raises(Misconfigured, match=sentence) as caught:
        read_site(path)
    assert "geheim" not in str(caught.value)


def test_the_file_names_the_file_of_channels_beside_it_unless_a_variable_does(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('channels = "roads.toml"\n[form]\ntitle = "Gemeente"\n')
    assert read_site(site).form.title == "Gemeente"
    assert channels_file(Settings(site=site)) == tmp_path / "roads.toml"
    assert channels_file(Settings(site=site, channels=tmp_path / "other.toml")) == tmp_path / "other.toml"
    assert channels_file(Settings(site=EXAMPLE)) == EXAMPLE.parent / "channels.toml"
    assert channels_file(Settings()) is None
    site.write_text("channels = 7")
    with pytest.raises(Misconfigured, match="names a file of channels that is none"):
        channels_file(Settings(site=site))


def test_a_file_that_is_not_there_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_site(tmp_path / "site.toml")
    (tmp_path / "site.toml").write_bytes(b"\xff")
    with pytest.raises(Misconfigured, match="UTF-8"):
        read_site(tmp_path / "site.toml")


def test_texts_of_their_own_lie_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('[notify]\norganisation = "Gemeente"\ntexts = "ours"\n')
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "nl.toml").write_text('[case-closed]\ntitle = "Klaar"\ntext = "Klaar."\nsms = "Klaar."\n')
    assert read_site(tmp_path / "site.toml").texts["nl"]["case-closed"].title == "Klaar"


def test_residents_are_told_only_where_it_says_in_whose_name(tmp_path: Path) -> None:
    assert parts_of(read_site(EXAMPLE)) == (*PARTS, *NOTIFY)
    assert parts_of(read_site(None)) == PARTS


def test_residents_are_asked_what_they_think_only_where_it_says_of_what_never(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[notify]\norganisation = "x"\n[opinion]\nsensitive = ["bijstand"]')
    site = read_site(path)
    assert parts_of(site) == (*PARTS, *NOTIFY, *OPINION)
    assert site.opinion
    assert site.opinion.sensitive == ("bijstand",)


def zaken(**more: object) -> str:
    return "[zaken]\n" + "\n".join(
        f"{name} = {value!r}" for name, value in settings_of("https://zaak.example", **more).items()
    )


def test_a_case_system_is_read_with_its_secrets_from_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    said = zaken(zaken_url="https://zaak.example/zaken/api/v1", poll_minutes=5)
    for name in ("secret", "callback_token"):
        said = re.sub(f"^{name} = .*$", f'{name} = {{ env = "{name.upper()}" }}', said, flags=re.MULTILINE)
    path.write_text(said)
    site = read_site(path, {"SECRET": "s1", "CALLBACK_TOKEN": "t1"})
    assert site.zaken
    assert site.zaken.secret.get_secret_value() == "s1"
    assert (site.zaken.zaken_url, site.zaken.poll_minutes) == ("https://zaak.example/zaken/api/v1/", 5)
    assert "s1" not in repr(site)
    assert parts_of(site) == (*PARTS, *ZAKEN)


def test_a_secret_of_it_does_not_stand_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(zaken())
    with pytest.raises(Misconfigured, match="holds a secret, secret in") as caught:
        read_site(tmp_path / "site.toml")
    assert settings_of("")["secret"] not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://u:p@zaak.example/",
        "https://zaak.example/?x=1",
        "https://zaak.example/#x",
        "ftp://zaak.example/",
        "https:///x",
        "x",
    ],
)
def test_an_address_of_it_that_could_be_read_on_the_way_is_refused(url: str) -> None:
    for name in ("zaken_url", "callback_url"):
        with pytest.raises(ValueError, match=name):
            ZakenSettings.model_validate(settings_of("https://zaak.example", **{name: url}))
