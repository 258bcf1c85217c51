"""How much of all recorded traffic is carried exactly is what docs/conformance.md says, and enough.

`make conformance` runs this with CONFORMANCE_WRITE=1, which writes the section anew.
"""

import os
from pathlib import Path

import pytest

from tests.conformance.bar import figures
from tests.conformance.bar.page import section
from tests.conformance.bar.recordings import exchanges, files
from tests.conformance.bar.targets import targets

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"
BEGIN, END = "<!-- traffic -->\n", "<!-- end of the traffic -->\n"
ANSWERS_PERCENT_MIN = 99.5
REQUESTS_PERCENT_MIN = 99.5
VERBATIM_PERCENT_MIN = 99.9
FILES = files()

each_file = pytest.mark.parametrize("file", FILES)


def test_all_recordings_are_here() -> None:
    assert sum(len(exchanges(file)) for file in FILES) == 2772


@each_file
def test_no_answer_is_given_wrongly_but_for_reasons_that_are_known(file: str) -> None:
    wrong = {each.exchange for each in figures.answers_of(file) if each.wrong}
    assert wrong <= figures.REASONS.keys()


@each_file
def test_every_request_is_carried_or_refused_with_a_reason_but_for_those_that_are_known(file: str) -> None:
    unjust = {each.exchange for each in figures.requests_of(file) if each.outcome == "refused"}
    assert unjust <= figures.MISSES.keys()


@each_file
def test_every_request_that_is_carried_is_valid_there_and_whole(file: str) -> None:
    spoilt = [each for each in figures.requests_of(file) if each.outcome in ("invalid", "incomplete")]
    assert spoilt == []


@each_file
def test_bytes_pass_as_they_are_in_the_providers_own_dialect(file: str) -> None:
    assert {each.exchange for each in figures.verbatim_of(file) if each.wrong} <= figures.CUT.keys()


@each_file
def test_every_error_is_read_as_the_kind_that_it_is(file: str) -> None:
    assert [each for each in figures.errors_of(file) if each.kind != each.wanted] == []


@each_file
def test_every_answer_that_is_no_chat_is_read_as_by_hand_or_has_a_path(file: str) -> None:
    assert [each for each in figures.others_of(file) if not each.right] == []


def test_what_is_known_to_be_missed_still_is() -> None:
    wrong = {each.exchange for file in FILES for each in figures.answers_of(file) if each.wrong}
    unjust = {each.exchange for file in FILES for each in figures.requests_of(file) if each.outcome == "refused"}
    cut = {each.exchange for file in FILES for each in figures.verbatim_of(file) if each.wrong}
    assert (wrong, unjust, cut) == (set(figures.REASONS), set(figures.MISSES), set(figures.CUT))


def test_every_exchange_is_accounted_for() -> None:
    chats = sum(share.all for way, share in figures.verbatim().items() if way != "up")
    streams_that_fail = sum(each.streamed for file in FILES for each in figures.errors_of(file))
    others = sum(share.all for share in figures.rest().values())
    assert chats + others + figures.told_apart().all - streams_that_fail == 2772


def test_enough_is_carried() -> None:
    for share in figures.answers().values():
        assert share.percent >= ANSWERS_PERCENT_MIN
    for target in targets():
        if target.judged:
            assert figures.carriages()[target.dialect].share.percent >= REQUESTS_PERCENT_MIN
    ways = figures.verbatim().values()
    assert 100 * sum(share.good for share in ways) / sum(share.all for share in ways) >= VERBATIM_PERCENT_MIN


def test_the_written_figures_are_those_of_the_run() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    written = before + BEGIN + section() + END + rest.partition(END)[2]
    if os.environ.get("CONFORMANCE_WRITE"):
        PAGE.write_text(written, encoding="utf-8")
    hint = "the figures have changed: look at what has, and if it is right, run `make conformance`"
    assert PAGE.read_text(encoding="utf-8") == written, hint
