"""boto3: Bedrock's Converse, with a bearer token."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from tests.conformance.sdks.sdk import TIMEOUT_S, TOOLS, FailedError, Finish, Said

FINISHES: dict[str, Finish] = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tools"}


def runtime(url: str, key: str, ca_file: str, monkeypatch: Any) -> Any:
    """A client of Bedrock's runtime at `url`. botocore sends bearer tokens over TLS only."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", key)
    config = Config(read_timeout=TIMEOUT_S, retries={"total_max_attempts": 1})
    return boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=url, config=config, verify=ca_file)


class Bedrock:
    name = "boto3"
    dialect = "bedrock_converse"

    def __init__(self, url: str, key: str, ca_file: str, monkeypatch: Any) -> None:
        self._client = runtime(url, key, ca_file, monkeypatch)

    def ask(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        return self._said(model, [_user(text)], tools, tokens_max)

    def answered(self, model: str, text: str, said: Said, results: tuple[str, ...]) -> Said:
        calls = [block["toolUse"] for block in said.turn["content"] if "toolUse" in block]
        told = [
            {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": result}]}}
            for call, result in zip(calls, results, strict=True)
        ]
        history = [_user(text), said.turn, {"role": "user", "content": told}]
        return self._said(model, history, tuple(name for name, _ in said.calls), 200)

    def stream(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        with _errors():
            answer = self._client.converse_stream(modelId=model, messages=[_user(text)], **_config(tools, tokens_max))
            with closing(answer["stream"]) as stream:
                return _joined(list(stream))

    def close(self) -> None:
        self._client.close()

    def _said(self, model: str, messages: list[Any], tools: tuple[str, ...], tokens_max: int) -> Said:
        with _errors():
            answer = self._client.converse(modelId=model, messages=messages, **_config(tools, tokens_max))
        message = answer["output"]["message"]
        usage = answer["usage"]
        return _heard(message, answer["stopReason"], usage)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except EventStreamError as error:
        raise FailedError(0, str(error)) from error
    except ClientError as error:
        raise FailedError(error.response["ResponseMetadata"]["HTTPStatusCode"], str(error)) from error


def _heard(message: Any, reason: str, usage: Any) -> Said:
    calls = [block["toolUse"] for block in message["content"] if "toolUse" in block]
    return Said(
        text="".join(block.get("text", "") for block in message["content"]),
        calls=tuple((call["name"], call["input"]) for call in calls),
        finish=FINISHES.get(reason, "other"),
        usage=(usage["inputTokens"] + usage.get("cacheReadInputTokens", 0), usage["outputTokens"]),
        turn=message,
    )


def _joined(events: list[Any]) -> Said:
    """What the events of a stream amount to, as AWS's documentation puts them together."""
    blocks: dict[int, Any] = {}
    reason, usage = "", {"inputTokens": 0, "outputTokens": 0}
    for event in events:
        (kind, said), *_ = event.items()
        match kind:
            case "contentBlockStart":
                blocks[said["contentBlockIndex"]] = {"toolUse": {**said["start"]["toolUse"], "input": ""}}
            case "contentBlockDelta":
                block = blocks.setdefault(said["contentBlockIndex"], {"text": ""})
                if "text" in said["delta"]:
                    block["text"] += said["delta"]["text"]
                elif "reasoningContent" in said["delta"]:
                    blocks[said["contentBlockIndex"]] = _thought(block, said["delta"]["reasoningContent"])
                elif "toolUse" in said["delta"]:
                    block["toolUse"]["input"] += said["delta"]["toolUse"]["input"]
            case "messageStop":
                reason = said["stopReason"]
            case "metadata":
                usage = said["usage"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return _heard({"role": "assistant", "content": [blocks[index] for index in sorted(blocks)]}, reason, usage)


def _thought(block: Any, delta: Any) -> Any:
    """A block of thinking with what one more delta says of it."""
    if "redactedContent" in delta:
        return {"reasoningContent": delta}
    held = block.get("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
    return {"reasoningContent": {"reasoningText": {**held, **delta, "text": held["text"] + delta.get("text", "")}}}


def _user(text: str) -> Any:
    return {"role": "user", "content": [{"text": text}]}


def _config(names: tuple[str, ...], tokens_max: int) -> dict[str, Any]:
    tools = [{"toolSpec": {"name": n, "description": n, "inputSchema": {"json": TOOLS[n]}}} for n in names]
    config: dict[str, Any] = {"inferenceConfig": {"maxTokens": tokens_max}}
    return {**config, "toolConfig": {"tools": tools}} if tools else config
