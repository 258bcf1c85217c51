"""The stand-in for Bedrock: Converse, and InvokeModel with Claude's bodies, both whole and as AWS event streams."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.standin import converse_rules as rules
from tests.standin import reply as say
from tests.standin.botoshape import ServiceModel, service_model
from tests.standin.eventstream import event, exception
from tests.standin.messages import OLD_VERSION, MessagesWire
from tests.standin.reply import RejectedError, Reply, Used, Wanted
from tests.standin.script import Script

Body = dict[str, Any]  # the JSON boundary: a request that was held to the service model
PATH = re.compile(r"^/model/([^/]+)/([\w-]+)$")
THOUGHT = "Let me think about this."
STREAM_TYPE = "application/vnd.amazon.eventstream"
PADDING = {"p": "abcdefghijkl"}
VERSION = "bedrock-2023-05-31"
FINISHES = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tools": "tool_use",
    "stop_sequence": "stop_sequence",
    "refusal": "content_filtered",
    "content_filter": "guardrail_intervened",
    "pause": "end_turn",
}
EXCEPTIONS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


class BedrockWire:
    """What all of Bedrock's operations share: keys, errors, and exceptions within streams."""

    name = "bedrock"
    stream_type = STREAM_TYPE
    base_suffix = ""

    def unauthorised(self, headers: dict[str, str], key: str) -> str | None:
        """Why the headers are refused, if they are: an API key is a bearer token, and nothing is signed."""
        given = headers.get("authorization")
        if "x-amz-date" in headers or "x-amz-security-token" in headers:
            return "signed as well as authorised by a key"
        return None if given == f"Bearer {key}" else f"authorization is {given!r}"

    def error(self, status: int, message: str) -> bytes:
        """An error's body: its kind is in a header."""
        return say.compact({"message": message})

    def error_headers(self, status: int) -> dict[str, str]:
        """The headers that belong to an error."""
        kind = EXCEPTIONS.get(status, "InternalServerException")
        return {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}

    def error_frame(self) -> bytes:
        """An exception within a stream."""
        return exception("throttlingException", say.compact({"message": "Too many requests, please wait."}))

    def broken_frame(self) -> bytes:
        """A frame whose JSON does not parse."""
        return event("contentBlockDelta", b'{"contentBlockIndex": {')

    def models(self, names: tuple[str, ...]) -> bytes:
        """The answer to a list of models, which the runtime has not."""
        return say.compact({"modelSummaries": [{"modelId": name} for name in names]})


class ConverseWire(BedrockWire):
    """How the runtime answers `converse` and `converse-stream`."""

    def __init__(self, specs: Path) -> None:
        self._service: ServiceModel = service_model(specs / "bedrock" / "bedrock-runtime.service-2.json")

    def serves(self, path: str) -> bool:
        """Whether `path` is this endpoint."""
        return split(path)[1] in ("converse", "converse-stream")

    def read(self, path: str, raw: bytes) -> Body:
        """The body, with what the path says."""
        model, operation = split(path)
        return {**_object(raw), "model": model, "stream": operation == "converse-stream"}

    def check(self, body: Body, headers: dict[str, str]) -> None:
        """Raise `RejectedError` when the service would answer 400."""
        asked = {name: value for name, value in body.items() if name not in ("model", "stream")}
        operation = "ConverseStream" if body["stream"] else "Converse"
        complaint = self._service.input_complaint(operation, asked)
        if complaint:
            raise RejectedError(complaint)
        rules.check(asked, body["model"])

    def reply(self, body: Body, script: Script, number: int) -> Reply:
        """What to say to a request that passed `check`."""
        wanted = _wanted(body)
        said = say.chosen(wanted, script)
        thinking = script.thinking or (THOUGHT if wanted.thinking else "")
        used = Used(prompt_tokens(body), output=said.tokens, reasoning=say.words(thinking))
        return said.reply(number, body["model"], used, thinking, script.redacted)

    def whole(self, reply: Reply) -> bytes:
        """The answer that is not a stream."""
        message = {"role": "assistant", "content": _content(reply)}
        ending = {"stopReason": FINISHES[reply.finish], "usage": _usage(reply.used), "metrics": {"latencyMs": 1}}
        return say.compact({"output": {"message": message}, **ending})

    def frames(self, reply: Reply, body: Body) -> Iterator[tuple[bytes, int]]:
        """The frames of a stream, each with the number of output tokens in it."""
        yield _frame("messageStart", {"role": "assistant"}), 0
        for index, block in enumerate(_content(reply)):
            at = {"contentBlockIndex": index}
            if "toolUse" in block:
                start = {name: block["toolUse"][name] for name in ("toolUseId", "name")}
                yield _frame("contentBlockStart", {**at, "start": {"toolUse": start}}), 0
            for delta, tokens in _deltas(block):
                yield _frame("contentBlockDelta", {**at, "delta": delta}), tokens
            yield _frame("contentBlockStop", at), 0
        yield _frame("messageStop", {"stopReason": FINISHES[reply.finish]}), 0
        yield _frame("metadata", {"usage": _usage(reply.used), "metrics": {"latencyMs": 1}}), 0


class InvokeWire(BedrockWire):
    """How the runtime answers `invoke` and `invoke-with-response-stream` of Claude: as Anthropic would."""

    def __init__(self, specs: Path) -> None:
        self._messages = MessagesWire(specs)

    def serves(self, path: str) -> bool:
        """Whether `path` is this endpoint."""
        model, operation = split(path)
        return "anthropic." in model and operation in ("invoke", "invoke-with-response-stream")

    def read(self, path: str, raw: bytes) -> Body:
        """The body, with what the path says."""
        model, operation = split(path)
        said = _object(raw)
        if extra := said.keys() & {"model", "stream"}:
            raise RejectedError(f"#: extraneous keys {sorted(extra)} are not permitted")
        if said.pop("anthropic_version", None) != VERSION:
            raise RejectedError(f"anthropic_version: required, and {VERSION}")
        said.pop("anthropic_beta", None)
        return {**said, "model": model, "stream": operation != "invoke"}

    def check(self, body: Body, headers: dict[str, str]) -> None:
        """Raise `RejectedError` when Claude would answer 400."""
        if headers.get("content-type") != "application/json":
            raise RejectedError("The content type is not application/json.")
        self._messages.check(body, {"anthropic-version": OLD_VERSION})

    def reply(self, body: Body, script: Script, number: int) -> Reply:
        """What to say to a request that passed `check`."""
        return self._messages.reply(body, script, number)

    def whole(self, reply: Reply) -> bytes:
        """The answer that is not a stream."""
        return self._messages.whole(reply)

    def frames(self, reply: Reply, body: Body) -> Iterator[tuple[bytes, int]]:
        """The frames of a stream, each with the number of output tokens in it. Bedrock sends no pings."""
        for frame, tokens in self._messages.frames(reply, body):
            said = json.loads(frame.partition(b"data: ")[2])
            if said["type"] == "ping":
                continue
            if said["type"] == "message_stop":
                counts = {"inputTokenCount": reply.used.input, "outputTokenCount": reply.used.output}
                said["amazon-bedrock-invocationMetrics"] = {**counts, "invocationLatency": 9, "firstByteLatency": 1}
            yield _frame("chunk", {"bytes": base64.b64encode(say.compact(said)).decode()}), tokens


def split(path: str) -> tuple[str, str]:
    """A path's model and operation; twice nothing where it is none of a model's."""
    found = PATH.match(path.partition("?")[0])
    return (unquote(found[1]), found[2]) if found else ("", "")


def _object(raw: bytes) -> Body:
    said = json.loads(raw)
    if not isinstance(said, dict):
        raise RejectedError("Malformed input request, please reformat your input and try again.")
    return said


def prompt_tokens(body: Body) -> int:
    """How many prompt tokens a request has."""
    tools = [tool for tool in (body.get("toolConfig") or {}).get("tools") or () if "toolSpec" in tool]
    blocks = [*(body.get("system") or ()), *(block for message in body["messages"] for block in message["content"])]
    return say.TOOL_TOKENS * len(tools) + sum(_block_tokens(block) for block in blocks)


def _block_tokens(block: Body) -> int:
    match block:
        case {"text": text}:
            return say.words(text)
        case {"image": _}:
            return say.IMAGE_TOKENS
        case {"document": _}:
            return say.DOCUMENT_TOKENS
        case {"toolResult": result}:
            return sum(_block_tokens(inner) for inner in result["content"])
        case _:
            return 0


def _wanted(body: Body) -> Wanted:
    blocks = body["messages"][-1]["content"]
    config = body.get("toolConfig") or {}
    specs = [tool["toolSpec"] for tool in config.get("tools") or () if "toolSpec" in tool]
    tools = tuple((spec["name"], spec["inputSchema"]["json"]) for spec in specs)
    choice = config.get("toolChoice") or {}
    forced = (choice["tool"]["name"],) if "tool" in choice else (tools[0][0],) if "any" in choice else ()
    inference = body.get("inferenceConfig") or {}
    thinking = (body.get("additionalModelRequestFields") or {}).get("thinking") or {}
    form = (body.get("outputConfig") or {}).get("textFormat")
    return Wanted(
        text=" ".join(block["text"] for block in blocks if "text" in block),
        images=sum("image" in block for block in blocks),
        documents=sum("document" in block for block in blocks),
        tool_results=tuple(_told(block["toolResult"]) for block in blocks if "toolResult" in block),
        tools=tools,
        forced=forced,
        schema=json.loads(form["structure"]["jsonSchema"]["schema"]) if form else None,
        stop=tuple(inference.get("stopSequences") or ()),
        tokens_max=inference.get("maxTokens"),
        thinking=thinking.get("type") in ("enabled", "adaptive"),
    )


def _told(result: Body) -> str:
    texts = [inner["text"] if "text" in inner else json.dumps(inner.get("json")) for inner in result["content"]]
    return " ".join(["error", *texts] if result.get("status") == "error" else texts)


def _content(reply: Reply) -> list[Body]:
    blocks: list[Body] = []
    if reply.thinking:
        said = {"text": reply.thinking, "signature": say.sign(reply.thinking)}
        blocks.append({"reasoningContent": {"reasoningText": said}})
    if reply.redacted:
        blocks.append({"reasoningContent": {"redactedContent": say.REDACTED}})
    if reply.text:
        blocks.append({"text": reply.text})
    for index, call in enumerate(reply.calls):
        name = f"tooluse_{reply.number}x{index}"
        blocks.append({"toolUse": {"toolUseId": name, "name": call.name, "input": call.arguments}})
    return blocks


def _deltas(block: Body) -> Iterator[tuple[Body, int]]:
    """What fills a block of a stream, with the tokens of each piece."""
    match block:
        case {"text": text}:
            yield from (({"text": piece}, 1) for piece in say.pieces(text))
        case {"toolUse": call}:
            pieces = say.pieces(json.dumps(call["input"]))
            yield from (({"toolUse": {"input": piece}}, 1) for piece in pieces)
        case {"reasoningContent": {"reasoningText": said}}:
            yield from (({"reasoningContent": {"text": piece}}, 1) for piece in say.pieces(said["text"]))
            yield {"reasoningContent": {"signature": said["signature"]}}, 0
        case _:
            yield block, 0


def _usage(used: Used) -> Body:
    output = used.output + used.reasoning
    cached = {"cacheReadInputTokens": 0, "cacheWriteInputTokens": 0}
    return {"inputTokens": used.input, "outputTokens": output, "totalTokens": used.input + output, **cached}


def _frame(kind: str, said: Body) -> bytes:
    return event(kind, say.compact({**said, **PADDING}))
