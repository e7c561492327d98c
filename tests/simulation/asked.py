"""What residents of a year think: once a day they read what they got, and some of them answer on the page."""

import re
from collections import Counter
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import SMTP
from html import unescape
from typing import Final

import httpx

from services.resident.told_words import BY
from simulation.opinions import Opinions
from simulation.relay import Relay
from simulation.twilio import Twilio
from simulation.year import HOME

QUESTION: Final = re.compile(rf"{re.escape(HOME)}(/o/\S+)")
KEY: Final = re.compile(r'name="key" value="(\w+)"')


@dataclass
class Neighbours:
    """All residents, with their mail, their telephones, and a record of their own of what they were asked and said."""

    relay: Relay
    twilio: Twilio
    opinions: Opinions = field(default_factory=Opinions)
    asked: Counter[str] = field(default_factory=Counter[str])
    marks: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def read(self) -> list[str]:
        """The links in what came since they looked last."""
        texts = [words(taken) for taken in self.relay.taken] + [str(one["body"]) for one in self.twilio.messages[::-1]]
        self.relay.taken.clear()
        self.twilio.messages.clear()
        return [path for text in texts for path in QUESTION.findall(text)]

    async def think(self, web: httpx.AsyncClient) -> None:
        for path in self.read():
            page = await web.get(path)
            assert page.status_code == httpx.codes.OK
            [channel] = [name for name, said in BY["nl"].items() if f"contact met ons {said}." in unescape(page.text)]
            self.asked[channel] += 1
            mark = self.opinions.mark(channel)
            if mark is None:
                continue
            [key] = KEY.findall(page.text)
            answer = await web.post(path, data={"key": key, "score": str(mark)})
            assert f"U gaf ons een {mark}." in answer.text
            self.marks.setdefault(channel, []).append(mark)


def words(taken: bytes) -> str:
    body = message_from_bytes(taken, policy=SMTP).get_body(("plain",))
    assert body
    return str(body.get_content())
