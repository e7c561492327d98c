"""Below the application: what is no HTTP, a head without end, and watchers of a real server."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from draad.wire import HEAD_BYTES_MAX
from tests.running import JAN, TOKEN, Running, running

WAIT_S: Final = 20.0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("wire") / "draad.db") as process:
        yield process


def sent(house: Running, raw: bytes) -> bytes:
    """What comes back until the other end closes."""
    with socket.create_connection(("127.0.0.1", house.port), WAIT_S) as line:
        line.sendall(raw)
        answer = b""
        while piece := line.recv(65_536):
            answer += piece
        return answer


def problem(answer: bytes, status: int) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), head
    assert b"application/problem+json" in head
    assert b"api-version" in head
    told = json.loads(body)
    assert told["status"] == status
    assert told["title"]
    return str(told["detail"])


@pytest.mark.parametrize("raw", [b"Jan\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\nx: y\r\n\r\n"])
def test_what_is_no_http_is_a_problem_too(house: Running, raw: bytes) -> None:
    assert "Jan" not in problem(sent(house, raw), 400)


def test_a_head_at_the_limit_is_read_and_a_longer_one_is_not(house: Running) -> None:
    start, end = b"GET /health/live HTTP/1.1\r\nconnection: close\r\nx: ", b"\r\n\r\n"
    fits = start + b"y" * (HEAD_BYTES_MAX - len(start) - len(end)) + end
    assert sent(house, fits).startswith(b"HTTP/1.1 200 ")
    assert problem(sent(house, start + b"y" * (HEAD_BYTES_MAX + 1 - len(start))), 431)


def test_a_body_does_not_count_as_head(house: Running) -> None:
    body = json.dumps({"channel": "phone"}).encode().ljust(HEAD_BYTES_MAX + 10_000)
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answers = [house.client.post("/v1/contacts", content=body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3


def test_a_body_in_chunks_without_a_length_has_the_same_limit(house: Running) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = house.client.post("/v1/contacts", content=(b"[" * 10_000 for _ in range(100)), headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (413, 413)


def until(stream: httpx.Response, word: str) -> tuple[str, str]:
    """What comes down the stream up to the entry with this word, and the place of that entry."""
    place, text = "", ""
    for line in stream.iter_lines():
        place = line.removeprefix("id: ") if line.startswith("id: ") else place
        text += line
        if word in line:
            return place, text
    raise AssertionError("the stream ended")


def test_a_watcher_that_comes_back_with_its_last_id_misses_nothing(house: Running) -> None:
    place = house.client.get(house.stream.replace("stream", "timeline")).json()["live"]
    assert house.post("one", {"channel": "phone", "text": "gezien", "address": JAN}).status_code == 201
    with house.client.stream("GET", house.stream, params={"after": place}) as stream:
        place, _ = until(stream, "gezien")
    assert house.post("two", {"channel": "phone", "text": "gemist", "address": JAN}).status_code == 201
    with house.client.stream("GET", house.stream, headers={"Last-Event-ID": place}) as stream:
        _, text = until(stream, "gemist")
    assert "gezien" not in text
    assert "reload" not in text


def test_a_watcher_who_does_not_read_holds_up_nobody(house: Running) -> None:
    place = house.client.get(house.stream.replace("stream", "timeline")).json()["live"]
    with socket.create_connection(("127.0.0.1", house.port), WAIT_S) as idle:
        request = f"GET {house.stream}?after={place} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
        idle.sendall(request.encode())
        began = time.monotonic()
        for n in range(200):
            answer = house.post(f"much-{n}", {"channel": "phone", "text": "veel " * 2_000, "address": JAN})
            assert answer.status_code == 201
        assert time.monotonic() - began < WAIT_S
    assert house.client.get("/health/ready").status_code == 200
