"""Being told to stop: running calls finish, no new ones begin, nothing is left unsettled, whenever it comes."""

import asyncio
import signal
import threading
import time
from pathlib import Path

import pytest

from keywright.core.json import JsonObject
from tests.acceptance.crowd import Seen, Visit, has_mark, visits
from tests.acceptance.program import FILE, Program, configuration, gateway, launched, ledger, until, up
from tests.client import ask
from tests.gateway import ADMIN_KEY, CHAT, MESSAGES, chat_body, environment, message_body
from tests.standin.cloud import StandIn
from tests.standin.script import Script

OPENAI, ANTHROPIC = "openai/gpt-4o", "anthropic/claude-haiku-4-5"
STREAMS = 40
GRACE = "[server]\nport = 0\nshutdown_s = {}\n"


class Streams:
    """Clients in a thread, who read long streams in every lane."""

    def __init__(self, program: Program, clouds: tuple[StandIn, StandIn], script: Script) -> None:
        marks = [cloud.script(script, always=True) for cloud in clouds]
        lanes: list[tuple[str, JsonObject]] = [
            (CHAT, chat_body(OPENAI, marks[0])),
            (MESSAGES, message_body(ANTHROPIC, marks[1])),
            (CHAT, chat_body(ANTHROPIC, marks[1])),
            (MESSAGES, message_body(OPENAI, marks[0])),
        ]
        self._visits = [
            Visit(str(number), path, {**body, "stream": True}, ADMIN_KEY)
            for number in range(STREAMS)
            for path, body in (lanes[number % len(lanes)],)
        ]
        self._url = program.url
        self._seen: list[Seen] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        until(lambda: sum(cloud.running for cloud in clouds) == STREAMS, 30.0, "the streams do not run")
        time.sleep(0.3)

    @property
    def seen(self) -> list[Seen]:
        """What came of them, when all have ended."""
        self._thread.join()
        return self._seen

    def _run(self) -> None:
        self._seen = asyncio.run(visits(self._url, self._visits))


def knocks(url: str) -> list[str]:
    """What a load balancer hears when it asks again and again, until nobody answers: each word once in a row."""
    heard: list[str] = []
    deadline = time.monotonic() + 30.0
    while heard[-1:] != ["refused"] and time.monotonic() < deadline:
        try:
            word = str(ask(url, "GET", "/health/ready").status)
        except ConnectionError:
            word = "refused"
        if heard[-1:] != [word]:
            heard.append(word)
    return heard


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_running_streams_finish_and_no_new_call_is_taken(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn, number: signal.Signals
) -> None:
    clouds = (openai_cloud, anthropic_cloud)
    with gateway(tmp_path, *clouds, GRACE.format(20)) as program:
        streams = Streams(program, clouds, Script(words=20, pace_s=0.2))
        program.signal(number)
        heard = knocks(program.url)
        assert heard in (["200", "503", "refused"], ["503", "refused"], ["200", "refused"], ["refused"])
        assert sum(cloud.running for cloud in clouds) == STREAMS  # refused while they run
        assert all(seen.complete for seen in streams.seen)
        answered_at = time.monotonic()
        assert program.ended() == 0
        print(f"heard {heard}; ended {time.monotonic() - answered_at:.2f} s after the last answer")
        assert time.monotonic() - answered_at < 10.0  # not at the deadline
        assert program.err == ""
    lines = ledger(tmp_path)
    assert [line.outcome for line in lines] == ["ok"] * STREAMS
    assert not any((tmp_path / "test.spool").iterdir())


def test_streams_that_outlast_the_deadline_are_cut_and_settled(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    clouds = (openai_cloud, anthropic_cloud)
    with gateway(tmp_path, *clouds, GRACE.format(1)) as program:
        streams = Streams(program, clouds, Script(words=300, pace_s=0.2))
        began = time.monotonic()
        program.signal(signal.SIGTERM)
        assert program.ended() == 0
        took_s = time.monotonic() - began
        check_cut(tmp_path, streams.seen, clouds)
        assert 0.9 < took_s < 30.0  # the streams take a minute
        print(f"a deadline of 1 s: ended after {took_s:.2f} s; it said {program.err!r}")


def test_a_second_interrupt_cuts_at_once_and_settles(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    clouds = (openai_cloud, anthropic_cloud)
    with gateway(tmp_path, *clouds, GRACE.format(60)) as program:
        streams = Streams(program, clouds, Script(words=300, pace_s=0.2))
        program.signal(signal.SIGINT)
        time.sleep(0.5)
        assert program.process.poll() is None
        began = time.monotonic()
        program.signal(signal.SIGINT)
        assert program.ended() == 0
        took_s = time.monotonic() - began
        check_cut(tmp_path, streams.seen, clouds)
        assert took_s < 30.0  # the deadline is a minute
        print(f"the second interrupt: ended after {took_s:.2f} s; it said {program.err!r}")


def check_cut(folder: Path, seen: list[Seen], clouds: tuple[StandIn, StandIn]) -> None:
    """Each stream ended with an error event, its provider was left, and it is in the ledger, with what had passed."""
    assert all(one.complete and b"shutting down" in one.body and not has_mark(one.body) for one in seen)
    until(lambda: sum(cloud.running for cloud in clouds) == 0, 30.0, "an upstream was not left")
    lines = ledger(folder)
    assert sorted(line.call for line in lines) == sorted(one.visit.call for one in seen)
    assert {line.outcome for line in lines} == {"cancelled"}
    assert all(line.cost > 0 for line in lines)
    assert not any((folder / "test.spool").iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_any_moment_of_the_start_ends_it_and_harms_nothing(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn, number: signal.Signals
) -> None:
    config = configuration(openai_cloud, anthropic_cloud)
    (tmp_path / FILE).write_text(config)
    variables = environment(openai_cloud, anthropic_cloud)
    codes = []
    for after_s in (0.3, 0.6, 0.75, 0.9):
        with launched(tmp_path, variables, "up", "--json", "--config", FILE) as program:
            time.sleep(after_s)
            program.signal(number)
            codes.append(program.ended())
            assert "src/keywright/" not in program.err, after_s  # Python itself may break at its start
    print(codes)
    assert set(codes) <= {0, 130, 143, -number}
    with up(tmp_path, config, variables) as program:
        assert ask(program.url, "GET", "/health/ready").status == 200
        assert program.stop() == 0
