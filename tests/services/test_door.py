"""A link opens the door once; a session keeps it open for a working day."""

from datetime import UTC, datetime, timedelta

from services.desk.door import LINK_AGE_MAX, SESSION_AGE_MAX, Door, link

KEY = b"a key"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_a_link_works_once() -> None:
    door = Door(KEY, Clock())
    token = door.link()
    assert door.enter(token)
    assert door.enter(token) is None
    assert not door.welcomes(token)


def test_looking_does_not_use_a_link_up() -> None:
    door = Door(KEY, Clock())
    token = door.link()
    assert all(door.welcomes(token) for _ in range(3))
    assert door.enter(token)


def test_a_link_has_at_least_128_bits_and_no_two_are_alike() -> None:
    door = Door(KEY, Clock())
    links = {door.link() for _ in range(1_000)}
    assert len(links) == 1_000
    assert all(len(token) >= 14 + 128 // 4 for token in links)


def test_a_link_grows_old_and_so_does_a_session() -> None:
    clock = Clock()
    door = Door(KEY, clock)
    token, session = door.link(), door.enter(door.link())
    assert session
    clock.now += LINK_AGE_MAX - timedelta(seconds=1)
    assert door.welcomes(token)
    assert door.knows(session)
    clock.now += timedelta(seconds=1)
    assert not door.welcomes(token)
    clock.now += SESSION_AGE_MAX - LINK_AGE_MAX
    assert not door.knows(session)


def test_a_session_outlives_a_restart_and_a_link_does_not() -> None:
    clock = Clock()
    before = Door(KEY, clock)
    unused, session = before.link(), before.enter(before.link())
    assert session
    clock.now += timedelta(minutes=1)
    after = Door(KEY, clock)
    assert after.knows(session)
    assert not after.welcomes(unused)


def test_a_link_made_beside_it_with_the_same_key_works() -> None:
    clock = Clock()
    door = Door(KEY, clock)
    assert door.enter(link(KEY, clock()))
    assert door.enter(link(b"another key", clock())) is None


def test_who_left_is_out() -> None:
    door = Door(KEY, Clock())
    session = door.enter(door.link())
    assert session
    door.leave(session)
    assert not door.knows(session)


def test_neither_can_be_made_up_changed_or_used_for_the_other() -> None:
    door = Door(KEY, Clock())
    token, session = door.link(), door.enter(door.link())
    assert session
    for wrong in ("", "x", "é" * len(token), token[:-1], token[:-1] + ("0" if token[-1] != "0" else "1"), session):
        assert not door.welcomes(wrong)
    for wrong in ("", "x", "f" + session[1:], token):
        assert not door.knows(wrong)
