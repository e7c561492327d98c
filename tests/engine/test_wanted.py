"""What topics.yaml asks: read as it stands in the house, and refused in a sentence when it is broken or hostile."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.wanted import FILE_BYTES_MAX, TOPICS_MAX, TOPICS_YAML, Wanted, load
from schemas.errors import Refused

OURS: dict[str, Any] = yaml.safe_load(TOPICS_YAML.read_text())
NOUNS = (
    "address party case appointment hour notification task mailbox quarantine journey token agent opinion "  # noqa: SIM905
    "subscription".split()
)


def written(path: Path, content: str | bytes | object) -> Path:
    file = path / "topics.yaml"
    text = content if isinstance(content, str | bytes) else yaml.safe_dump(content)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def changed(way: str, value: object) -> dict[str, Any]:
    """Ours, with one thing changed; the way to it is written with spaces, as settings have dots."""
    sheet: dict[str, Any] = deepcopy(OURS)
    *folders, last = way.split()
    place = sheet
    for folder in folders:
        place = place[folder]
    place[last] = value
    return sheet


def test_the_file_of_the_house_is_safe() -> None:
    wanted = load()
    assert list(wanted.topics) == NOUNS
    for topic in wanted.topics.values():
        assert (topic.partitions, topic.replication, topic.settings.in_sync) == (6, 3, 2)
        assert (topic.settings.retention_ms, topic.settings.retention_bytes) == (-1, -1)


def test_one_copy_needs_no_second() -> None:
    wanted = load(replication=1, partitions=2)
    assert {(t.partitions, t.replication, t.settings.in_sync) for t in wanted.topics.values()} == {(2, 1, 1)}


def test_a_topic_may_have_its_own_numbers(tmp_path: Path) -> None:
    own = {"partitions": 12, "settings": {"retention.ms": 10**12}}
    wanted = load(written(tmp_path, changed("topics case", own)))
    case, party = wanted.topics["case"], wanted.topics["party"]
    assert (case.partitions, case.settings.retention_ms, case.settings.in_sync) == (12, 10**12, 2)
    assert (party.partitions, party.settings.retention_ms) == (6, -1)


def test_a_prefix_stands_before_the_names_in_kafka() -> None:
    assert list(load().under("utrecht.")) == [f"utrecht.{noun}" for noun in NOUNS]
    assert list(load().under("")) == NOUNS
    for prefix in ("a b", "a/b", "é", "a" * 101, "a\n"):
        with pytest.raises(Refused, match="DRAAD_PREFIX"):
            load().under(prefix)


@pytest.mark.parametrize(
    ("way", "value", "words"),
    [
        ("each partitions", 0, "partitions.*greater than or equal to 1"),
        ("each partitions", 1_001, "partitions.*less than or equal to 1000"),
        ("each partitions", "6", "partitions.*valid integer"),
        ("each partitions", True, "partitions.*valid integer"),
        ("each replication", 11, "replication.*less than or equal to 10"),
        ("each replication", 2, "min.insync.replicas must be less than replication, 2"),
        ("each settings min.insync.replicas", 3, "min.insync.replicas must be less than replication, 3"),
        ("each settings min.insync.replicas", 0, "min.insync.replicas.*greater than or equal to 1"),
        ("each settings cleanup.policy", "compact", "cleanup.policy.*'delete'"),
        ("each settings retention.ms", 604_800, "retention.ms.*must be -1, for ever, or at least 86400000"),
        ("each settings retention.ms", -2, "retention.ms.*must be -1"),
        ("each settings retention.bytes", 4096, "retention.bytes.*must be -1"),
        ("each settings max.message.bytes", 1000, "max.message.bytes.*greater than or equal to 1048588"),
        ("each settings unclean.leader.election.enable", True, "unclean.leader.election.enable.*False"),
        ("each settings message.timestamp.type", "CreateTime", "message.timestamp.type.*'LogAppendTime'"),
        ("each settings segment.ms", 1, "segment.ms.*not permitted"),
        ("each settings", [], "settings"),
        ("each colour", "blue", "colour.*not permitted"),
        ("each", [], "`each` and `topics`"),
        ("more", {}, "`each` and `topics`"),
        ("topics", {}, "at least 1 item"),
        ("topics", ["case"], "`each` and `topics`"),
        (
            "topics",
            {f"t{'-' * (n % 50)}{'ab'[n // 50 % 2]}{'x' * (n // 100)}": {} for n in range(TOPICS_MAX + 1)},
            "at most 100",
        ),
        ("topics", {"Case File": {}}, "Case File.*match pattern"),
        ("topics", {7: {}}, "7.*valid string"),
        ("topics case", None, "case.*dictionary"),
        ("topics case", {"partition": 3}, "partition.*not permitted"),
        ("topics case", {"replication": 2}, "case: min.insync.replicas must be less than replication, 2"),
    ],
)
def test_nonsense_is_refused_with_the_place_where_it_stands(
    tmp_path: Path, way: str, value: object, words: str
) -> None:
    with pytest.raises(Refused, match=f"(?s)^topics.yaml .*{words}"):
        load(written(tmp_path, changed(way, value)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "`each` and `topics`"),
        ("- each\n- topics\n", "`each` and `topics`"),
        ("each: [\n", "not YAML"),
        ("each: {1: 2}: 3\n", "not YAML"),
        ("? [each]\n: 1\n", "not YAML"),
        (b"each: \xff\xfe", "not YAML"),
        ("each: \0", "not YAML"),
        ("each: !!python/object/apply:os.system [id]\n", "not YAML"),
        (f"each: {'9' * 5000}\n", "not YAML"),
        ("each: 2026-99-99\n", "not YAML"),
        ("[" * (FILE_BYTES_MAX - 1), "nested deeper than 6"),
        ("- " * (FILE_BYTES_MAX // 2), "nested deeper than 6"),
        ("? " * (FILE_BYTES_MAX // 2), "nested deeper than 6"),
        ("{a: " * 4000, "nested deeper than 6"),
        ("#" * (FILE_BYTES_MAX + 1), f"larger than {FILE_BYTES_MAX} bytes"),
        ("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "may not use & and"),
        ("a: &a {x: 1}\nb: {<<: [*a, *a]}\n", "may not use & and"),
    ],
)
def test_what_is_broken_or_hostile_is_refused(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(Refused, match=f"^topics.yaml .*{words}"):
        load(written(tmp_path, content))


def test_a_long_wrong_word_is_not_quoted_in_full(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        load(written(tmp_path, changed("topics", {"x" * 5_000 + "\x1b": {}})))
    assert len(str(caught.value)) < 300


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    for path in (tmp_path / "topics.yaml", tmp_path):
        with pytest.raises(Refused, match="cannot be read"):
            load(path)


def test_what_is_wanted_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().topics = {}  # type: ignore[misc]
    assert isinstance(load(), Wanted)
