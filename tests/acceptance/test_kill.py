"""`kill -9` under load, again and again: what a client holds is in the ledger, what was in flight is `lost`, once."""

import asyncio
import itertools
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keywright.core.json import JsonObject
from keywright.core.money import from_usd
from tests.acceptance.crowd import Seen, Visit, body_bytes, exchanges_by_call, visit
from tests.acceptance.program import Line, Program, gateway, ledger, rolled_up
from tests.acceptance.scale import TEST_S, sized
from tests.gateway import ADMIN_KEY, CHAT, MESSAGES
from tests.standin.cloud import StandIn
from tests.standin.reply import Used
from tests.standin.script import Script

ROUNDS = sized(3, 25)
LOAD_S = sized(1, 4)
WORKERS = 16
LONG_STREAMS = 10
CALLS_PER_S_MIN = sized(20, 200)
OUTPUT_TOKENS_MAX = 300
TOKENS_ADDED = 256
"""What is reserved for what a provider adds to a plain prompt."""
OPENAI, ANTHROPIC = "openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"
KINDS = tuple(itertools.product((CHAT, MESSAGES), (OPENAI, ANTHROPIC), (False, True)))
INPUT_PICODOLLARS, OUTPUT_PICODOLLARS = 3_000_000, 11_000_000
PRICES = "".join(f'[[prices]]\nmodel = "{model}"\ninput = "3"\noutput = "11"\n' for model in (OPENAI, ANTHROPIC))


@dataclass
class Load:
    """Clients who ask and ask until the gateway is gone, and a few who listen to streams that are long."""

    name: str
    url: str
    slow_marks: dict[str, str]
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    quick: list[Seen] = field(default_factory=list)
    long: list[Seen] = field(default_factory=list)

    async def run(self) -> None:
        async with asyncio.timeout(LOAD_S + 20):
            await asyncio.gather(*(self._ask() for _ in range(WORKERS)), *(self._listen() for _ in range(LONG_STREAMS)))

    async def _ask(self) -> None:
        while True:
            seen = await visit(self.url, self._visit(*KINDS[next(self.numbers) % len(KINDS)]))
            self.quick.append(seen)
            if seen.broke:
                return

    async def _listen(self) -> None:
        path, model, _ = KINDS[next(self.numbers) % len(KINDS)]
        self.long.append(await visit(self.url, self._visit(path, model, True, self.slow_marks[model])))

    def _visit(self, path: str, model: str, stream: bool, mark: str = "") -> Visit:
        call = f"{self.name}-{next(self.numbers)}"
        limit = "max_tokens" if path == MESSAGES else "max_completion_tokens"
        content = f"{mark} <call {call}> how are you?"
        body: JsonObject = {"model": model, "messages": [{"role": "user", "content": content}], "stream": stream}
        return Visit(call, path, {**body, limit: OUTPUT_TOKENS_MAX}, ADMIN_KEY)


@pytest.mark.timeout(TEST_S)
def test_a_kill_loses_no_call_whose_answer_a_client_holds(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    clouds = (openai_cloud, anthropic_cloud)
    chance = random.Random()
    before: set[str] = set()
    answered = lost = 0
    for number in range(ROUNDS):
        for cloud in clouds:
            cloud.reset()
        slow = Script(words=OUTPUT_TOKENS_MAX, pace_s=0.2)
        marks = {OPENAI: openai_cloud.script(slow, always=True), ANTHROPIC: anthropic_cloud.script(slow, always=True)}
        with gateway(tmp_path, *clouds, PRICES) as program:
            load = Load(f"round{number}", program.url, marks)
            took_s = kill_under(program, load, LOAD_S + chance.uniform(0.0, 0.5))
        with gateway(tmp_path, *clouds, PRICES) as program:
            lines = [line for line in program.settle() if line.id not in before]
            counted = program.metrics()
            assert program.stop() == 0
        before |= {line.id for line in lines}
        whole = [seen for seen in load.quick if seen.complete]
        in_flight = {line.id: line for line in lines if line.outcome == "lost"}
        exchanges = exchanges_by_call(*clouds)
        check_answered(whole, lines, {call: each.used for call, each in exchanges.items() if each.used is not None})
        check_in_flight(load, in_flight)
        assert len(exchanges) <= len(lines) <= len(load.quick) + len(load.long)
        assert counted["keywright_ledger_lost_total"] == len(in_flight) <= WORKERS + LONG_STREAMS
        print(
            f"round {number}: {len(whole) / took_s:.0f} calls/s, {len(lines)} entries, {len(in_flight)} lost, "
            f"{counted['keywright_ledger_replayed_total']:.0f} replayed"
        )
        assert len(whole) / took_s >= CALLS_PER_S_MIN
        answered, lost = answered + len(whole), lost + len(in_flight)
    every = ledger(tmp_path)
    assert rolled_up(tmp_path) == (len(every), sum(line.cost for line in every))
    assert not (tmp_path / "test.spool" / "damaged").exists()
    print(f"{len(every)} entries, {answered} answers held by clients, {lost} lost in flight, over {ROUNDS} kills")


def kill_under(program: Program, load: Load, after_s: float) -> float:
    """Kill the program while it carries that load. Returns how long it carried it."""
    clients = threading.Thread(target=lambda: asyncio.run(load.run()))
    began = time.monotonic()
    clients.start()
    time.sleep(after_s)
    took_s = time.monotonic() - began
    program.kill()
    clients.join()
    assert len(load.long) == LONG_STREAMS
    return took_s


def check_answered(whole: list[Seen], lines: list[Line], used: dict[str, Used]) -> None:
    """Each complete answer is in the ledger once, at the cost that its header told and the provider's figures give."""
    settled = [line for line in lines if line.outcome != "lost"]
    by_call = {line.call: line for line in settled}
    assert len(by_call) == len(settled)
    for seen in whole:
        line = by_call[seen.visit.call]
        assert (seen.status, line.outcome, line.id) == (200, "ok", seen.request_id)
        assert line.cost == cost(used[seen.visit.call])
        if not seen.visit.body["stream"]:
            assert from_usd(seen.headers["x-keywright-cost-usd"]) == line.cost


def cost(used: Used) -> int:
    """What the provider's own figures come to."""
    prompt = used.input + used.cache_read + used.cache_write_5m + used.cache_write_1h
    return prompt * INPUT_PICODOLLARS + (used.output + used.reasoning) * OUTPUT_PICODOLLARS


def check_in_flight(load: Load, in_flight: dict[str, Line]) -> None:
    """Each stream that was running is there, once, at the worst that it could have cost."""
    for seen in load.long:
        assert (seen.status, seen.complete, seen.broke) == (200, False, True)
        line = in_flight[seen.request_id]
        prompt = body_bytes(seen.visit) + TOKENS_ADDED
        worst = prompt * INPUT_PICODOLLARS + OUTPUT_TOKENS_MAX * OUTPUT_PICODOLLARS
        assert (line.cost, line.status, line.document["usage_source"]) == (worst, 0, "worst_case")
