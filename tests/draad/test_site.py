"""What residents meet is said in one file; what is wrong in it is said in one sentence that quotes no value."""

from pathlib import Path

import pytest

from draad.configured import FILE_BYTES_MAX
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
