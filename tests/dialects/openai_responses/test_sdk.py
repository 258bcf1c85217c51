"""The unmodified `openai` SDK reads what this dialect writes, over a real socket. What it is told is built."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import pytest
from pydantic import BaseModel

from keywright.core.event import (
    ArgumentsDelta,
    CitationDelta,
    Closed,
    Ended,
    Event,
    Failed,
    Finished,
    Metered,
    Opened,
    SignatureDelta,
    Started,
    TextDelta,
)
from keywright.core.failure import Failure
from keywright.core.fold import fold
from keywright.core.message import Citation, Refusal, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Finish
from keywright.core.usage import Usage
from keywright.dialects import openai_responses

TIMEOUT_S = 10.0
CITY = '{"name":"Paris","people":2}'
BEGUN: list[Event] = [
    Started("msg_01", "claude", 1_760_000_000),
    Opened(0, Thinking("", origin="anthropic")),
    TextDelta(0, "let me think"),
    SignatureDelta(0, "sig"),
    Closed(0),
    Opened(1, Text("")),
    TextDelta(1, CITY[:9]),
    TextDelta(1, CITY[9:]),
    CitationDelta(1, Citation("anthropic", {}, "https://example.com/", "Example")),
    Closed(1),
]
ANSWER: list[Event] = [
    *BEGUN,
    Opened(2, ToolCall("call_1", "first", "")),
    Opened(3, ToolCall("call_2", "second", "")),
    ArgumentsDelta(2, '{"a":'),
    ArgumentsDelta(3, "{}"),
    ArgumentsDelta(2, "1}"),
    Closed(2),
    Closed(3),
    Finished(Finish("tool_calls")),
    Metered(Usage(input=10, output=5, reasoning=3, cache_read=4)),
    Ended(),
]
REFUSED: list[Event] = [
    Started("r", "m", 1),
    Opened(0, Refusal("")),
    TextDelta(0, "I will not."),
    Closed(0),
    Finished(Finish("length")),
    Ended(),
]
BROKEN: list[Event] = [*BEGUN[:7], Failed(Failure("overloaded", 503, "overloaded", "too much to do"))]
SCRIPTS = {"answer": ANSWER, "refused": REFUSED, "broken": BROKEN}


class City(BaseModel):
    """What is asked for in the form of a schema."""

    name: str
    people: int


class _Handler(BaseHTTPRequestHandler):
    """Answers with the script that the model's name says, in this dialect."""

    def do_POST(self) -> None:
        request = openai_responses.decode_request(self.rfile.read(int(self.headers["content-length"])))
        script = SCRIPTS.get(request.model)
        if script is None:
            failure = Failure("not_found", 404, "model_not_found", "no such model")
            self._say(404, "application/json", openai_responses.encode_error(failure, ""))
        elif request.stream:
            self._say(200, "text/event-stream", streamed(script, request))
        else:
            self._say(200, "application/json", openai_responses.encode_response(fold(script), request).body)

    def _say(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def streamed(script: list[Event], request: Request) -> bytes:
    return b"".join(map(openai_responses.StreamWriter(request).write, script))


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    base_url = f"http://127.0.0.1:{server.server_port}/v1"
    with openai.OpenAI(api_key="sk-x", base_url=base_url, max_retries=0, timeout=TIMEOUT_S) as found:
        yield found
    server.shutdown()
    server.server_close()
    thread.join(TIMEOUT_S)


def test_a_whole_answer_is_read(client: openai.OpenAI) -> None:
    answer = client.responses.create(model="answer", input="x", instructions="be brief", max_output_tokens=50)
    assert (answer.id, answer.model, answer.status, answer.output_text) == ("msg_01", "claude", "completed", CITY)
    assert [item.type for item in answer.output] == ["reasoning", "message", "function_call", "function_call"]
    assert (answer.instructions, answer.max_output_tokens) == ("be brief", 50)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (14, 8)
    assert answer.usage.input_tokens_details.cached_tokens == 4
    assert answer.usage.output_tokens_details.reasoning_tokens == 3


def test_a_stream_of_events_is_read(client: openai.OpenAI) -> None:
    events = list(client.responses.create(model="answer", input="x", stream=True))
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == CITY
    arguments = {
        event.item_id: event.arguments for event in events if event.type == "response.function_call_arguments.done"
    }
    assert list(arguments.values()) == ['{"a":1}', "{}"]
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_the_helper_of_the_sdk_puts_a_stream_together(client: openai.OpenAI) -> None:
    with client.responses.stream(model="answer", input="x", text_format=City) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert snapshots[-1] == CITY
    assert final.output_parsed == City(name="Paris", people=2)
    whole = client.responses.create(model="answer", input="x")
    assert [item.type for item in final.output] == [item.type for item in whole.output]


def test_a_schema_is_parsed(client: openai.OpenAI) -> None:
    answer = client.responses.parse(model="answer", input="x", text_format=City)
    assert answer.output_parsed == City(name="Paris", people=2)


def test_what_was_read_can_be_sent_back(client: openai.OpenAI) -> None:
    answer = client.responses.create(model="answer", input="x")
    sent = [item.model_dump(exclude_none=True) for item in answer.output]
    request = openai_responses.decode_request(json.dumps({"model": "m", "input": sent}).encode())
    (turn,) = request.turns
    first = turn.parts[0]
    assert first == Thinking("let me think", "sig", "anthropic")
    assert [type(part) for part in turn.parts] == [Thinking, Text, ToolCall, ToolCall]


def test_a_refusal_and_an_incomplete_answer_are_told(client: openai.OpenAI) -> None:
    answer = client.responses.create(model="refused", input="x")
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    events = list(client.responses.create(model="refused", input="x", stream=True))
    assert events[-1].type == "response.incomplete"
    assert "".join(event.delta for event in events if event.type == "response.refusal.delta") == "I will not."


def test_an_error_within_a_stream_is_raised(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError, match="too much to do"):
        list(client.responses.create(model="broken", input="x", stream=True))


def test_an_error_before_the_stream_is_raised(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no such model"):
        client.responses.create(model="unknown", input="x")
