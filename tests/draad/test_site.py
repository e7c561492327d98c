"""What residents meet is said in one file; what is wrong in it is said in one sentence that quotes no value."""

from pathlib import Path

import pytest

from draad.configured import FILE_BYTES_MAX
from draad.parts import NOTIFY, PARTS, parts_of
from draad.settings import Misconfigured
from draad.site import read_site

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
        ("#" * (FILE_BYTES_MAX + 1), "larger"),
    ],
)
def test_what_is_wrong_is_said_and_never_quoted(tmp_path: Path, said: str, sentence: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(said)
    with pytest.raises(Misconfigured, match=sentence) as caught:
        read_site(path)
    assert "geheim" not in str(caught.value)


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
