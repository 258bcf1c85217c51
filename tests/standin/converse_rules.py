"""What Bedrock's Converse refuses with 400, beyond what AWS's service model says."""

import itertools
import re
from typing import Any

from tests.standin import reply as say
from tests.standin.reply import RejectedError

Body = dict[str, Any]  # the JSON boundary: a request that was held to the service model

DOCUMENT_NAME = re.compile(r"^[\w()\[\]-]+( [\w()\[\]-]+)*$", re.ASCII)
CACHE_POINTS_MAX = 4
THINKING_TOKENS_MIN = 1024
OUTPUT_TOKENS_MAX = 64_000
"""How many tokens a model gives when the request does not say: as many as it can."""


def check(body: Body, model: str) -> None:
    """Raise `RejectedError` when the service would refuse `body`, asked of `model`."""
    messages = body.get("messages")
    if not messages:
        raise RejectedError("The messages field is required.")
    _check_roles(messages, model)
    _check_calls(messages)
    blocks = [block for message in messages for block in message["content"]]
    if any("toolUse" in block or "toolResult" in block for block in blocks) and not body.get("toolConfig"):
        raise RejectedError("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
    for block in blocks:
        _check_block(block)
    names = [block["document"]["name"] for block in blocks if "document" in block]
    if len(set(names)) != len(names):
        raise RejectedError("The document names must be unique.")
    points = [*blocks, *(body.get("system") or ()), *((body.get("toolConfig") or {}).get("tools") or ())]
    if sum("cachePoint" in block for block in points) > CACHE_POINTS_MAX:
        raise RejectedError("There are too many cachePoint blocks.")
    _check_tools(body.get("toolConfig") or {}, model)
    _check_thinking(body, model)


def _check_roles(messages: list[Body], model: str) -> None:
    """Users and assistants take turns, and a user begins, but with Claude, who answered a recorded other beginning."""
    roles = [message["role"] for message in messages]
    if roles[0] != "user" and "anthropic" not in model:
        raise RejectedError("A conversation must start with a user message.")
    if any(one == other for one, other in itertools.pairwise(roles)):
        raise RejectedError('The roles must alternate between "user" and "assistant" roles.')
    for message in messages:
        if not message["content"]:
            raise RejectedError("The content field in the Message object is empty.")
        kinds = {kind for block in message["content"] for kind in block}
        if "document" in kinds and "text" not in kinds:
            raise RejectedError("A text block is required when a document is in the message.")
        if message["role"] == "user" and kinds & {"toolUse", "reasoningContent"}:
            raise RejectedError("The user's message holds what only a model can say.")


def _check_calls(messages: list[Body]) -> None:
    """Each toolUse is answered in the next message, and each toolResult answers one, once."""
    waiting: list[str] = []
    for message in messages:
        answered = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
        if sorted(answered) != sorted(waiting):
            raise RejectedError(f"Expected toolResult blocks for the following Ids: {waiting}, not {answered}")
        waiting = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
        if len(set(waiting)) != len(waiting):
            raise RejectedError("The toolUseIds must be unique.")
    if waiting:
        raise RejectedError(f"Expected toolResult blocks for the following Ids: {waiting}")


def _check_block(block: Body) -> None:
    match block:
        case {"text": text} if not text.strip():
            raise RejectedError("The text field in the ContentBlock object is blank.")
        case {"toolUse": {"input": given}} if not isinstance(given, dict):
            raise RejectedError("The format of the value at toolUse.input is invalid. Provide a json object.")
        case {"toolResult": {"content": content}}:
            for inner in content:
                if "json" in inner and not isinstance(inner["json"], dict):
                    raise RejectedError("The format of the value at toolResult.content.json is invalid.")
        case {"document": {"name": name}} if not DOCUMENT_NAME.match(name):
            raise RejectedError("The document file name can only contain alphanumeric characters and single spaces.")
        case {"reasoningContent": {"reasoningText": said}} if said.get("signature") != say.sign(said["text"]):
            raise RejectedError("Invalid `signature` in `thinking` block")


def _check_tools(config: Body, model: str) -> None:
    tools = [tool["toolSpec"] for tool in config.get("tools") or () if "toolSpec" in tool]
    names = [tool["name"] for tool in tools]
    if len(set(names)) != len(names):
        raise RejectedError("The tool names must be unique.")
    for tool in tools:
        if tool["inputSchema"]["json"].get("type") != "object":
            raise RejectedError("inputSchema.json.type must be one of the following: object.")
    choice = config.get("toolChoice") or {}
    if "tool" in choice and choice["tool"]["name"] not in names:
        raise RejectedError("The tool of toolChoice is not among the tools.")
    if "llama" in model and not choice.keys() <= {"auto"}:
        raise RejectedError("This model doesn't support the toolConfig.toolChoice field.")


def _check_thinking(body: Body, model: str) -> None:
    extra = body.get("additionalModelRequestFields") or {}
    thinking = extra.get("thinking") or {}
    if "anthropic" not in model:
        foreign = {"thinking", "anthropic_beta"} if "mistral" in model else {"thinking", "anthropic_beta", "top_k"}
        if extra.keys() & foreign:
            raise RejectedError(f"extraneous keys {sorted(extra)} are not permitted")
        return
    config = body.get("inferenceConfig") or {}
    if config.get("temperature") is not None and config.get("topP") is not None and "4-5" in model:
        raise RejectedError("`temperature` and `top_p` cannot both be specified for this model.")
    if thinking.get("type") != "enabled":
        return
    if not THINKING_TOKENS_MIN <= thinking["budget_tokens"] < config.get("maxTokens", OUTPUT_TOKENS_MAX):
        raise RejectedError("`max_tokens` must be greater than `thinking.budget_tokens`, which must be 1024 or more")
    if not ((body.get("toolConfig") or {}).get("toolChoice") or {}).keys() <= {"auto"}:
        raise RejectedError("Thinking may not be enabled when tool_choice forces tool use.")
    if config.get("temperature") not in (None, 1):
        raise RejectedError("`temperature` may only be set to 1 when thinking is enabled.")
