"""The pepper is made once, whole, for its owner only; and never made anew when it is lost."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from draad.keys import Keys, key_file, keys_of
from draad.settings import Settings
from schemas.errors import Refused


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(log=f"sqlite:///{tmp_path}/in/draad.db")


def file_of(settings: Settings) -> Path:
    return key_file(str(settings.path))


def test_it_is_made_once_for_its_owner_only(settings: Settings) -> None:
    keys = keys_of(settings, facts=False)
    assert keys_of(settings, facts=True) == keys
    assert stat.S_IMODE(file_of(settings).stat().st_mode) == 0o600
    assert [file.name for file in file_of(settings).parent.iterdir()] == ["draad.db.key"]


def test_each_purpose_has_a_key_of_its_own(settings: Settings) -> None:
    keys = keys_of(settings, facts=False)
    pepper = bytes.fromhex(file_of(settings).read_text())
    assert len({*keys, pepper}) == len(Keys._fields) + 1


def test_many_that_start_at_once_agree_on_one(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: keys_of(settings, facts=False), range(16)))
    assert len(set(made)) == 1


def test_a_pepper_that_is_set_leaves_no_file(settings: Settings) -> None:
    given = Settings.from_env({"DRAAD_LOG": settings.log, "DRAAD_PEPPER": "p" * 32})
    assert keys_of(given, facts=True) == keys_of(given, facts=False)
    assert not file_of(settings).exists()


def test_a_lost_key_is_not_made_anew_under_facts(settings: Settings) -> None:
    with pytest.raises(Refused, match="restore"):
        keys_of(settings, facts=True)
    assert not file_of(settings).exists()


@pytest.mark.parametrize("content", ["", "no key", "ab", "é"])
def test_a_damaged_key_is_not_used(settings: Settings, content: str) -> None:
    keys_of(settings, facts=False)
    file_of(settings).write_text(content)
    with pytest.raises(Refused, match="restore it"):
        keys_of(settings, facts=True)


def test_a_key_that_others_can_read_is_not_used(settings: Settings) -> None:
    keys_of(settings, facts=False)
    file_of(settings).chmod(0o644)
    with pytest.raises(Refused, match="chmod 600"):
        keys_of(settings, facts=True)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="choose another folder"):
        keys_of(Settings(log=f"sqlite:///{tmp_path}/file/draad.db"), facts=False)
