"""Text completions by hand."""

from tests.conformance.plain import Body, frames
from tests.conformance.readings import openai_chat
from tests.conformance.readings.answer import Answer


def whole(body: Body) -> Answer:
    """The first choice. Portkey's stored prompts are recorded under this name and answer with a chat's message."""
    choice = body["choices"][0]
    text = choice["text"] if "text" in choice else choice["message"]["content"]
    return Answer(text, [], openai_chat.FINISHES[choice["finish_reason"]], *openai_chat.tokens(body.get("usage")))


def stream(text: str) -> Answer:
    """The first choice of a stream."""
    chunks = frames(text)
    pieces = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == 0]
    usage = next((chunk["usage"] for chunk in chunks if chunk.get("usage")), None)
    said = {"text": "".join(piece["text"] for piece in pieces), "finish_reason": pieces[-1]["finish_reason"]}
    return whole({"choices": [said], "usage": usage})
