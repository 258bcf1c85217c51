"""CPU of translating, for every pair of a client's and a provider's dialect: `python -m bench.pairs`.

In one process, without sockets: what a translated call costs beyond one that passes untouched. A call is the whole of
it: the client's request read and rendered for the provider, the provider's answer read and rendered for the client. It
is a typical tool call: a system text, a question, one tool, and an answer with a text and a call. A chunk is one frame
of a stream read and written again. Each figure is the least of several rounds, as anything more is the machine's doing.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from bench.machine import this_machine
from bench.payloads import ANSWER, CALL_ID, QUESTION, SYSTEM, TOOL_ARGUMENTS, TOOL_NAME, TOOL_SCHEMA, TOOL_TEXT
from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect, PathSaid
from keywright.core.event import ArgumentsDelta, Closed, Ended, Event, Finished, Metered, Opened, Started, TextDelta
from keywright.core.message import Text, ToolCall, Turn
from keywright.core.request import Request, Tool
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from keywright.dialects import DIALECTS

ROUNDS: Final = 7
CALLS: Final = 100
PIECES: Final = 200
"""How many pieces of text a stream has; the call's arguments come in as many again."""

ABLE: Final = Abilities(output_tokens_max=4096)
USAGE: Final = Usage(input=120, output=60)
DOCS: Final = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BEGIN: Final = "<!-- pairs: begin -->\n"
END: Final = "<!-- pairs: end -->"


class Pair(Struct, frozen=True):
    """What one pair costs, in µs of CPU."""

    client: str
    provider: str
    call_us: float
    chunk_us: float


def measured(names: list[str]) -> Iterator[Pair]:
    """Every pair of different dialects among `names`, one after the other."""
    for client in names:
        for provider in names:
            if client not in DIALECTS[provider].CARRIES:
                yield Pair(
                    client, provider, _call_us(DIALECTS[client], DIALECTS[provider]), *_chunk_us(client, provider)
                )


def _call_us(client: Dialect, provider: Dialect) -> float:
    tools = (Tool(TOOL_NAME, TOOL_TEXT, {**TOOL_SCHEMA}),) if _has_tools(client, provider) else ()  # type: ignore[dict-item]
    turns = (Turn("system", (Text(SYSTEM),)), Turn("user", (Text(QUESTION),)))
    asked = Request("m", turns, tools=tools, output_tokens_max=1024)
    body = client.encode_request(asked, "m", ABLE).body
    call = (ToolCall(CALL_ID, TOOL_NAME, json.dumps(TOOL_ARGUMENTS)),) if tools else ()
    finish = Finish("tool_calls" if tools else "stop")
    answer = Response("answer-1", "m", (Choice((Text(ANSWER), *call), finish),), USAGE, 1_760_000_000)
    said = PathSaid("m")
    answered = provider.encode_response(answer, asked).body

    def once() -> None:
        request = client.decode_request(body, said)
        provider.encode_request(request, "m", ABLE)
        client.encode_response(provider.decode_response(answered), request)

    return _least_us(once, CALLS)


def _chunk_us(client: str, provider: str) -> tuple[float]:
    asked = Request("m", (Turn("user", (Text(QUESTION),)),), stream=True, output_tokens_max=1024)
    writer = DIALECTS[provider].StreamWriter(asked)
    frames = [
        frame for event in _events(_has_tools(DIALECTS[client], DIALECTS[provider])) if (frame := writer.write(event))
    ]

    def once() -> None:
        reader, written = DIALECTS[provider].StreamReader(), DIALECTS[client].StreamWriter(asked)
        for frame in frames:
            for event in reader.feed(frame):
                written.write(event)
        for event in reader.end():
            written.write(event)

    return (_least_us(once, 1) / len(frames),)


def _events(with_tool: bool) -> Iterator[Event]:
    yield Started("answer-1", "m", 1_760_000_000)
    yield Opened(0, Text(""))
    yield from (TextDelta(0, " rivers") for _ in range(PIECES))
    yield Closed(0)
    if with_tool:
        yield Opened(1, ToolCall(CALL_ID, TOOL_NAME, ""))
        yield ArgumentsDelta(1, '{"city":"')
        yield from (ArgumentsDelta(1, "Busan ") for _ in range(PIECES))
        yield ArgumentsDelta(1, '"}')
        yield Closed(1)
    yield Finished(Finish("tool_calls" if with_tool else "stop"))
    yield Metered(USAGE)
    yield Ended()


def _has_tools(client: Dialect, provider: Dialect) -> bool:
    """Whether both can speak of tools: prompts cannot."""
    asked = Request("m", (Turn("user", (Text("x"),)),), tools=(Tool("t", "t", {**TOOL_SCHEMA}),), output_tokens_max=9)  # type: ignore[dict-item]
    return all(
        all(loss.weight != "meaning" for loss in dialect.encode_request(asked, "m", ABLE).losses)
        for dialect in (client, provider)
    )


def _least_us(once: Callable[[], None], times: int) -> float:
    once()
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        for _ in range(times):
            once()
        rounds.append((time.process_time_ns() - began) / 1000 / times)
    return min(rounds)


def table(pairs: list[Pair]) -> str:
    """Clients downwards, providers across; in each cell µs for a call and for a chunk."""
    names = list(dict.fromkeys(pair.client for pair in pairs))
    cells = {(pair.client, pair.provider): f"{pair.call_us:.0f} / {pair.chunk_us:.1f}" for pair in pairs}
    lines = [f"| client ↓ provider → | {' | '.join(names)} |", "|---" + "|---:" * len(names) + "|"]
    lines += [f"| {c} | {' | '.join(cells.get((c, p), '') for p in names)} |" for c in names]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, and with `--save` write it into docs/performance.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.pairs", description=__doc__)
    parser.add_argument("--save", action="store_true", help="rewrite the table in docs/performance.md")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("dialects", nargs="*", metavar="DIALECT", help="only these (all)")
    options = parser.parse_args()
    pairs = []
    for pair in measured(options.dialects or list(DIALECTS)):
        pairs.append(pair)
        print(f"\r{len(pairs)} pairs", end="", file=sys.stderr)
    print(file=sys.stderr)
    machine = this_machine()
    head = f"{machine.date}, commit {machine.commit}: {machine.processor}, Python {machine.python}\n\n"
    if options.json:
        print(json.dumps([{field: getattr(pair, field) for field in pair.__struct_fields__} for pair in pairs]))
    else:
        print(head + table(pairs))
    if options.save:
        before, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
        DOCS.write_text(f"{before}{BEGIN}{head}{table(pairs)}{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
