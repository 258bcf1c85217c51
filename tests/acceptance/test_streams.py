"""Hundreds of clients who stream and vanish: nothing leaks, the provider hears of it at once, the ledger is exact."""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.crowd import Leaving, Seen, Visit, exchanges_by_call, has_mark, visits
from tests.acceptance.program import Line, Program, gateway, until
from tests.acceptance.scale import SOAK, TEST_S, sized
from tests.gateway import ADMIN_KEY, CHAT, MESSAGES, chat_body, message_body
from tests.standin.cloud import Exchange, StandIn
from tests.standin.script import Script

CLIENTS = sized(500, 1000)
WAVES = sized(2, 15)
SLOWLY = Script(words=14, pace_s=0.0004 * CLIENTS)
LATE = Script(words=3, head_delay_s=3.0)
CANCELLED_P50_S, CANCELLED_P99_S = (0.1, 0.5) if SOAK else (1.0, 5.0)
GROWTH_KB_MAX = 8 * 1024
OPENAI, ANTHROPIC = "openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"
LANES = ((CHAT, OPENAI), (MESSAGES, ANTHROPIC), (CHAT, ANTHROPIC), (MESSAGES, OPENAI))
LEAVINGS: tuple[Leaving, ...] = ("never", "waiting", "reading", "at_the_mark")


def crowd(name: str, chance: random.Random, marks: dict[str, dict[str, str]]) -> list[Visit]:
    """Clients in every lane, who leave in every way. `marks`: per provider, that of a slow answer and of a late one."""
    return [_client(f"{name}-{number}", chance, marks) for number in range(CLIENTS)]


def _client(call: str, chance: random.Random, marks: dict[str, dict[str, str]]) -> Visit:
    path, model = chance.choice(LANES)
    leaves = chance.choice(LEAVINGS)
    mark = marks[model.partition("/")[0]]["late" if leaves == "waiting" else "slow"]
    text = f"{mark} <call {call}>"
    body = chat_body(model, text) if path == CHAT else message_body(model, text)
    after = {"waiting": chance.uniform(0.1, 1.0), "reading": float(chance.choice((1, chance.randrange(1, 900))))}
    return Visit(
        call=call,
        path=path,
        body={**body, "stream": True},
        key=ADMIN_KEY,
        leaves=leaves,
        after=after.get(leaves, 0.0),
        rudely=chance.random() < 0.5,
        starts_s=chance.uniform(0.0, 0.5),
    )


def check(seen: list[Seen], lines: list[Line], exchanges: dict[str, Exchange]) -> list[float]:
    """Each call is in the ledger once, as it went. Returns how long each provider was left asking for nothing."""
    by_call = {line.call: line for line in lines}
    assert len(by_call) == len(lines)
    late_s = []
    all_sent = 0
    for one in seen:
        call = one.visit.call
        line, exchange = by_call.get(call), exchanges.get(call)
        if line is None:
            assert exchange is None, f"{call} went upstream and is in no ledger"
            assert one.visit.leaves == "waiting"  # it left before its request had been read
            continue
        assert (line.outcome, line.status) == expected(one), (call, one.visit, one.body[-200:])
        if line.outcome == "ok":
            assert exchange is not None
            assert exchange.outcome in ("complete", "left")  # left: between the last frame and the end of the body
            assert exchange.used is not None
            assert (line.input, line.output) == (exchange.used.input, exchange.used.output)
            assert line.cost > 0
        elif exchange is not None and exchange.outcome == "complete":
            all_sent += 1  # it left when the provider had said all, but it had not read all
        elif exchange is not None:
            assert exchange.outcome == "left", (call, exchange.outcome)
            late_s.append(exchange.left_at - one.left_at)
    assert all_sent <= len(lines) // 50
    return late_s


def expected(one: Seen) -> tuple[str, int]:
    """How the call of that client ends."""
    assert not one.broke, one
    return ("ok", 200) if one.complete or has_mark(one.body) else ("cancelled", 499)


@pytest.mark.timeout(TEST_S)
def test_clients_that_vanish_leave_nothing_behind(
    tmp_path: Path, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    clouds = (openai_cloud, anthropic_cloud)
    memory_kb: list[int] = []
    late_s: list[float] = []
    counted: Counter[str] = Counter()
    with gateway(tmp_path, *clouds) as program:
        before = sockets_of_clients(program, clouds)
        for wave in range(WAVES):
            for cloud in clouds:
                cloud.reset()
            marks = {
                name: {"slow": cloud.script(SLOWLY, always=True), "late": cloud.script(LATE, always=True)}
                for name, cloud in zip(("openai", "anthropic"), clouds, strict=True)
            }
            closed = closed_connections(clouds)
            clients = crowd(f"wave{wave}", random.Random(7), marks)
            began = time.monotonic()
            seen = asyncio.run(visits(program.url, clients))
            lines = [line for line in program.settle() if line.call.startswith(f"wave{wave}-")]
            assert sum(cloud.running for cloud in clouds) == 0
            exchanges = exchanges_by_call(*clouds)
            late_s += check(seen, lines, exchanges)
            counted.update(line.outcome for line in lines)
            until(lambda: sockets_of_clients(program, clouds) <= before, 30.0, "clients' sockets are left open")
            left = sum(each.outcome == "left" for each in exchanges.values())
            assert closed_connections(clouds) - closed >= left
            memory_kb.append(program.memory_kb)
            memory = f"{memory_kb[-1]} KiB of {program.resident_kb}"
            print(f"wave {wave}: {time.monotonic() - began:.1f} s, {len(lines)} calls, {memory}")
        assert program.metrics()["keywright_ledger_dropped_total"] == 0
        assert program.stop() == 0
        assert program.err == ""
    late_s.sort()
    p50, p99 = late_s[len(late_s) // 2], late_s[len(late_s) * 99 // 100]
    print(f"{len(late_s)} cancelled: p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, max {late_s[-1] * 1e3:.1f} ms")
    print(dict(counted))
    assert counted["cancelled"] > CLIENTS * WAVES // 4
    assert counted["ok"] > CLIENTS * WAVES // 4
    assert p50 < CANCELLED_P50_S
    assert p99 < CANCELLED_P99_S
    used_once = min(1, WAVES - 2)  # by then caches are full: of the first waves they take some MiB
    assert memory_kb[-1] - memory_kb[used_once] < GROWTH_KB_MAX
    assert all(cloud.sockets.open == 0 for cloud in clouds)


def closed_connections(clouds: tuple[StandIn, ...]) -> int:
    """Connections that the providers have seen go."""
    return sum(cloud.sockets.opened - cloud.sockets.open for cloud in clouds)


def sockets_of_clients(program: Program, clouds: tuple[StandIn, ...]) -> int:
    """The program's sockets that do not lead to a provider."""
    return program.sockets - sum(cloud.sockets.open for cloud in clouds)
