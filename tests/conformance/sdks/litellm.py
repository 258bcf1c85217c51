"""LiteLLM's SDK, which wants an environment of its own: a process there calls it for us.

It speaks the dialect of the prefix before the model's name, each at the address that its documentation tells.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.sdks.sdk import TIMEOUT_S, TOOLS, FailedError, Finish, Said

ENVIRONMENT = Path(sys.prefix) / "litellm"
PROCESS = Path(__file__).with_name("litellm_process.py")
ADDRESSES: Mapping[str, str] = {
    "openai": "/v1",
    "anthropic": "",
    "gemini": "/v1beta",
    "mistral": "/mistral/v1",
    "ollama_chat": "",
    "bedrock/converse": "",
}
"""What stands behind the gateway's address for each prefix."""
DIALECTS: Mapping[str, str] = {
    "openai": "openai_chat",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "mistral": "mistral",
    "ollama_chat": "ollama_chat",
    "bedrock/converse": "bedrock_converse",
}
FINISHES: Mapping[str, Finish] = {"stop": "stop", "length": "length", "tool_calls": "tools"}
NO_MCP: Mapping[str, bool] = {"_skip_mcp_handler": True}
"""Without it LiteLLM, when given tools, looks whether its own proxy serves some, and needs an extra package to look."""
START_S = 50.0
"""The SDK takes seconds to import, more on a busy machine."""


class LiteLLMError(FailedError):
    """LiteLLM raised an error: one of its class `name`."""

    def __init__(self, status: int, message: str, name: str) -> None:
        super().__init__(status, message)
        self.name = name


class Process:
    """The process in LiteLLM's environment. One call at a time."""

    def __init__(self) -> None:
        python = ENVIRONMENT / "bin" / "python"
        if not (ENVIRONMENT / "ready").exists():
            pytest.skip(f"LiteLLM's SDK is not installed in {ENVIRONMENT.name}: `make test` makes that environment")
        environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HOME": os.environ.get("HOME", ""), "PATH": os.defpath}
        self._process = subprocess.Popen(
            [python, "-P", PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def call(self, function: str, **arguments: Any) -> dict[str, Any]:
        """What LiteLLM's `function` answered. Raises LiteLLMError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"function": function, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        with self._watched():
            line = self._process.stdout.readline()
        assert line, "LiteLLM's process ended or took too long"
        outcome = json.loads(line)
        if "error" in outcome:
            error = outcome["error"]
            raise LiteLLMError(error["status"], error["message"], error["class"])
        answer: dict[str, Any] = outcome["answer"]
        return answer

    def close(self) -> None:
        """End the process."""
        with self._process, contextlib.suppress(OSError):
            self._process.kill()

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """A process that says nothing for too long is killed, which ends the reading of its output."""
        timer = threading.Timer(START_S, self._process.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


class LiteLLM:
    """LiteLLM's SDK with one prefix."""

    def __init__(self, process: Process, prefix: str, url: str, key: str) -> None:
        self.name = f"litellm {prefix}/"
        self.dialect = DIALECTS[prefix]
        self._process = process
        self.prefix = prefix
        self._common = {"api_base": url + ADDRESSES[prefix], "api_key": key, "timeout": TIMEOUT_S, "max_retries": 0}

    def ask(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        return self.said(model, [_user(text)], max_tokens=tokens_max, **_tools(tools))

    def stream(self, model: str, text: str, *, tools: tuple[str, ...] = (), tokens_max: int = 200) -> Said:
        return self.said(
            model,
            [_user(text)],
            max_tokens=tokens_max,
            stream=True,
            stream_options={"include_usage": True},
            **_tools(tools),
        )

    def answered(self, model: str, text: str, said: Said, results: tuple[str, ...]) -> Said:
        told = [
            {"role": "tool", "tool_call_id": call["id"], "content": result}
            for call, result in zip(said.turn["tool_calls"], results, strict=True)
        ]
        names = tuple(name for name, _ in said.calls)
        return self.said(model, [_user(text), said.turn, *told], max_tokens=200, **_tools(names))

    def said(self, model: str, messages: list[Any], **more: Any) -> Said:
        """What was answered to a call with `more` arguments. Raises LiteLLMError."""
        return _heard(self.call("completion", model, messages=messages, **more))

    def call(self, function: str, model: str, **more: Any) -> dict[str, Any]:
        """What `function` answered for `model`, as it is. Raises LiteLLMError."""
        return self._process.call(function, model=f"{self.prefix}/{model}", **self._common, **more)

    def close(self) -> None:
        """Nothing: the process is others' too."""


def _heard(answer: dict[str, Any]) -> Said:
    choice = answer["choices"][0]
    message = choice["message"]
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    usage = answer.get("usage")
    return Said(
        text=message.get("content") or "",
        calls=tuple((call["name"], json.loads(call["arguments"])) for call in calls),
        finish=FINISHES.get(choice["finish_reason"], "other"),
        usage=(usage["prompt_tokens"], usage["completion_tokens"]) if usage else None,
        turn={name: message.get(name) for name in ("role", "content", "tool_calls")},
    )


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _tools(names: tuple[str, ...]) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": n, "description": n, "parameters": TOOLS[n]}} for n in names]
    return {"tools": tools, "allowed_openai_params": ["tools"], **NO_MCP} if tools else {}
