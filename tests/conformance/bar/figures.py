"""All that is measured, file by file and once, and what it comes to."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

from tests.conformance.bar.answers import Given, given
from tests.conformance.bar.clients import clients
from tests.conformance.bar.errors import Heard, errors
from tests.conformance.bar.others import Other, others
from tests.conformance.bar.recordings import chats, files
from tests.conformance.bar.requests import Asked, asked, decoded
from tests.conformance.bar.targets import targets
from tests.conformance.bar.verbatim import Passed, passed

Measured = TypeVar("Measured")


@cache
def answers_of(file: str) -> tuple[Given, ...]:
    """Every answer of one file, as every foreign client got it."""
    with clients() as all_clients:
        return tuple(given(file, all_clients))


@cache
def requests_of(file: str) -> tuple[Asked, ...]:
    """Every request of one file, asked of every foreign target."""
    return tuple(asked(file, targets()))


@cache
def verbatim_of(file: str) -> tuple[Passed, ...]:
    """Every body of one file, passed on in its own dialect."""
    return tuple(passed(file))


@cache
def others_of(file: str) -> tuple[Other, ...]:
    """Every answer of one file that is no chat."""
    return tuple(others(file))


@cache
def errors_of(file: str) -> tuple[Heard, ...]:
    """Every error of one file."""
    return tuple(errors(file))


@dataclass
class Share:
    """How many of how many, and what became of the rest: reasons and how often each."""

    all: int = 0
    good: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str) -> None:
        """One more: good when there is no `reason` against it."""
        self.all += 1
        self.good += not reason
        if reason:
            self.reasons[reason] += 1

    @property
    def percent(self) -> float:
        """The share of the good ones."""
        return 100 * self.good / self.all


@dataclass
class Carriage:
    """What became of the requests for one target. `beyond`: left out of the share, and for which reasons.
    `dropped`: of those carried, how many without a setting, which is told.
    """

    share: Share = field(default_factory=Share)
    dropped: int = 0
    beyond: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


def answers() -> dict[str, Share]:
    """By client's SDK."""
    shares: dict[str, Share] = {}
    for each in _all(answers_of):
        shares.setdefault(each.client, Share()).add(reason_of(each))
    return shares


def reason_of(answer: Given) -> str:
    """Why an answer is not exact, in words; "" when it is."""
    return REASONS.get(answer.exchange, f"{answer.exchange}: {', '.join(answer.wrong)}") if answer.wrong else ""


REASONS: dict[str, str] = {
    "ollama-api.chat-577c740a50": "the answer ended for a reason that only its server knows (`custom`)",
    "vertex-generateContent-9ecba41b5e": "the answer ended with a call of a tool that nobody declared",
    "openai-responses-9cf78b6dbf": "a call of a tool that takes free text, which this client cannot have offered",
    "openai-responses-4032e7a6f6": "a call of a tool that takes free text, which this client cannot have offered",
}
"""Known misses, by the recordings in which they occur."""


def carriages() -> dict[str, Carriage]:
    """By target."""
    found: dict[str, Carriage] = {}
    for each in _all(requests_of):
        carriage = found.setdefault(each.target, Carriage())
        if each.outcome == "beyond":
            carriage.beyond += 1
            carriage.kinds.update(each.reasons)
        else:
            carriage.dropped += each.dropped
            wrong = "" if each.outcome == "carried" else f"{each.outcome}: {'; '.join(each.reasons)}"
            carriage.share.add(MISSES.get(each.exchange, f"{each.exchange}: {wrong}") if wrong else "")
    return found


MISSES: dict[str, str] = {
    "bedrock-converse-b26e04d932": "a video, which Gemini takes too, in a form that Bedrock refuses",
    "openai_compat-chat.completions-0a8048b405": "`file_url`, a part of Z.ai's own",
}
"""Known misses among the requests."""


def verbatim() -> dict[str, Share]:
    """By way: `up`, `whole`, `streamed`."""
    shares: dict[str, Share] = {}
    for each in _all(verbatim_of):
        shares.setdefault(each.way, Share()).add(CUT.get(each.exchange, each.wrong) if each.wrong else "")
    return shares


CUT: dict[str, str] = {"openai-responses-bba123974c": "the recording lacks the end of its last event"}


def told_apart() -> Share:
    """The errors: read as the kind that they are."""
    share = Share()
    for each in _all(errors_of):
        share.add("" if each.kind == each.wanted else f"{each.exchange}: {each.kind}")
    return share


def rest() -> dict[tuple[str, bool], Share]:
    """The answers that are no chats: by the wire that reads them, or the path by which they pass, and which of both."""
    shares: dict[tuple[str, bool], Share] = {}
    for each in _all(others_of):
        shares.setdefault((each.way, each.read), Share()).add("" if each.right else each.exchange)
    return shares


@dataclass
class Requests:
    """How many requests of chats were recorded, and how many of them can be asked of anybody."""

    recorded: int = 0
    refused: int = 0
    strange: int = 0

    @property
    def asked(self) -> int:
        """Those that can."""
        return self.recorded - self.refused - self.strange


def requests() -> Requests:
    """`refused`: by their own provider, with 400; `strange`: no requests of the wire under which they stand."""
    counted = Requests()
    for exchange in (exchange for file in files() for exchange in chats(file) if exchange.item["request_json"]):
        counted.recorded += 1
        if exchange.status == 400:
            counted.refused += 1
        elif decoded(exchange) is None:
            counted.strange += 1
    return counted


def _all(measure: Callable[[str], Iterable[Measured]]) -> Iterator[Measured]:
    for file in files():
        yield from measure(file)
