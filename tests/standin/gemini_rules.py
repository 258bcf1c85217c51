"""What generativelanguage.googleapis.com refuses with 400, beyond what its proto files say."""

import base64
import re
from typing import Any

from tests.standin.reply import RejectedError

Body = dict[str, Any]  # the JSON boundary: a request that was held to its proto file

FUNCTION_NAME = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$")
DATA = (
    *("text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult"),
    *("toolCall", "toolResponse"),
)
UNSIGNED = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""What Google documents for calls that another model made."""

SIGNED = b"stand-in:"
STOPS_MAX = 5
BUDGETS = {"gemini-2.5-pro": (128, 32_768), "gemini-2.5-flash": (0, 24_576)}


def check(body: Body, model: str) -> None:
    """Raise `RejectedError` when the API would refuse `body`, asked of `model`."""
    contents = body.get("contents")
    if not contents:
        raise RejectedError("* GenerateContentRequest.contents: contents is not specified")
    if "cachedContent" in body:
        raise RejectedError("CachedContent not found (or permission denied)")
    for at, content in enumerate(contents):
        _check_content(f"contents[{at}]", content, model)
    _check_roles(contents)
    _check_calls(contents)
    if is_third(model):
        _check_signatures(contents)
    if "systemInstruction" in body and not body["systemInstruction"].get("parts"):
        raise RejectedError("* GenerateContentRequest.system_instruction.parts: contents.parts must not be empty.")
    _check_tools(body)
    _check_config(body, model)


def is_third(model: str) -> bool:
    """Whether it is of the generation that signs its calls and takes levels of thinking."""
    return model.startswith("gemini-3")


def signature(number: int) -> str:
    """A signature of ours."""
    return base64.b64encode(SIGNED + str(number).encode()).decode()


def _check_content(path: str, content: Body, model: str) -> None:
    if not content.get("parts"):
        raise RejectedError(f"* GenerateContentRequest.{path}.parts: contents.parts must not be empty.")
    for at, part in enumerate(content["parts"]):
        where = f"{path}.parts[{at}]"
        if sum(name in part for name in DATA) != 1:
            raise RejectedError(f"* {where}.data: required oneof field 'data' must have one initialized field")
        for name, inner in (("functionCall", "args"), ("functionResponse", "response")):
            said = part.get(name, {"name": "x", inner: {}})
            if not FUNCTION_NAME.match(said.get("name", "")) or not isinstance(said.get(inner, {}), dict):
                raise RejectedError(f"* {where}.{name}: Name cannot be empty, and `{inner}` is an object.")
        if part.get("functionResponse") and "response" not in part["functionResponse"]:
            raise RejectedError(f"* {where}.functionResponse.response: required field")
        given = part.get("thoughtSignature")
        if given is not None and not (is_third(model) and given in UNSIGNED) and not _is_ours(given):
            raise RejectedError("Corrupted thought signature.")


def _is_ours(given: str) -> bool:
    try:
        return base64.b64decode(given, validate=True).startswith(SIGNED)
    except ValueError:
        return False


def _check_roles(contents: list[Body]) -> None:
    """Two speakers. They need not take turns: recordings show each twice in a row, answered."""
    if any(content.get("role") not in ("user", "model") for content in contents[1:]):
        raise RejectedError("Please use a valid role: user, model.")
    if len(contents) == 1 and contents[0].get("role", "user") != "user":
        raise RejectedError("Please ensure that single turn requests end with a user role or the role field is empty.")


def _check_calls(contents: list[Body]) -> None:
    """Right after a turn with calls comes one with as many responses, of the same names, in their order."""
    calls: list[Body] = []
    for content in contents:
        parts = content["parts"]
        responses = [part["functionResponse"] for part in parts if "functionResponse" in part]
        if len(responses) != len(calls):
            raise RejectedError(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        for call, response in zip(calls, responses, strict=True):
            if call["name"] != response["name"] or response.get("id") not in (None, call.get("id")):
                raise RejectedError(f"The function response {response['name']!r} answers no call of that place.")
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        if calls and content.get("role") != "model":
            raise RejectedError("Please ensure that function call parts are in a turn of the model.")


def _check_signatures(contents: list[Body]) -> None:
    """In the current turn, the first call of each step carries the signature that it came with."""
    asked = (any("functionResponse" not in part for part in content["parts"]) for content in contents)
    begins = (content.get("role", "user") == "user" for content in contents)
    both = zip(asked, begins, strict=True)
    last = max((at for at, (by_text, by_user) in enumerate(both) if by_text and by_user), default=0)
    for content in contents[last:]:
        first = next((part for part in content["parts"] if "functionCall" in part), None)
        if first is not None and not first.get("thoughtSignature"):
            raise RejectedError("Function call is missing a thought_signature in functionCall parts.")


def _check_tools(body: Body) -> None:
    functions = [function for tool in body.get("tools") or () for function in tool.get("functionDeclarations") or ()]
    names = [function.get("name", "") for function in functions]
    if len(set(names)) != len(names) or not all(FUNCTION_NAME.match(name) for name in names):
        raise RejectedError(f"Invalid or duplicate function names: {names}")
    for function in functions:
        if "parameters" in function and "parametersJsonSchema" in function:
            raise RejectedError("parameters and parameters_json_schema are mutually exclusive")
        _check_schema(function["name"], function.get("parameters") or {})
    config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    mode, allowed = config.get("mode", "AUTO"), config.get("allowedFunctionNames") or ()
    if mode not in ("AUTO", "ANY", "NONE", "VALIDATED"):
        raise RejectedError(f"Invalid value at 'tool_config.function_calling_config.mode': {mode!r}")
    if allowed and mode not in ("ANY", "VALIDATED"):
        raise RejectedError("Allowed function names should only be set when the function calling mode is ANY.")
    if not set(allowed) <= set(names) or (mode == "ANY" and not functions):
        raise RejectedError("Allowed function names are not among the function declarations.")


def _check_schema(path: str, schema: Body) -> None:
    """A schema of Google's own subset: a type everywhere, and nothing required that is not a property."""
    if schema and "type" not in schema and "anyOf" not in schema:
        raise RejectedError(f"{path}: schema didn't specify the schema type field")
    properties = schema.get("properties") or {}
    if not set(schema.get("required") or ()) <= set(properties):
        raise RejectedError(f"{path}.required: property is not defined")
    for name, inner in properties.items():
        _check_schema(f"{path}.{name}", inner)
    if schema.get("type", "").upper() == "ARRAY" and not schema.get("items"):
        raise RejectedError(f"{path}.items: missing field")


def _check_config(body: Body, model: str) -> None:
    config = body.get("generationConfig") or {}
    schemas = [name for name in ("responseSchema", "responseJsonSchema") if name in config]
    if len(schemas) > 1:
        raise RejectedError("responseSchema and responseJsonSchema are mutually exclusive")
    json_wanted = config.get("responseMimeType") == "application/json"
    if schemas and not json_wanted:
        raise RejectedError("Unsupported response schema when response mime type is not application/json")
    if json_wanted and body.get("tools") and not is_third(model):
        raise RejectedError("Function calling with a response mime type: 'application/json' is unsupported")
    _check_schema("responseSchema", config.get("responseSchema") or {})
    if len(config.get("stopSequences") or ()) > STOPS_MAX or not 0 <= config.get("temperature", 1) <= 2:
        raise RejectedError("* GenerateContentRequest.generation_config: out of range")
    if config.get("maxOutputTokens", 1) < 1 or not 0 <= config.get("topP", 1) <= 1:
        raise RejectedError("* GenerateContentRequest.generation_config: out of range")
    _check_thinking(config.get("thinkingConfig") or {}, model)


def _check_thinking(thinking: Body, model: str) -> None:
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if level is not None and not is_third(model):
        raise RejectedError("Thinking level is not supported for this model.")
    levels = ("LOW", "MEDIUM", "HIGH") if "-pro" in model else ("MINIMAL", "LOW", "MEDIUM", "HIGH")
    if level is not None and (level not in levels or budget is not None):
        raise RejectedError("Thinking level is not one of this model's, or comes with a budget.")
    low, high = BUDGETS.get(model, (0, 32_768))
    if budget not in (None, -1) and not low <= budget <= high:
        raise RejectedError(f"The thinking budget {budget} is invalid. Please choose a value between {low} and {high}.")
