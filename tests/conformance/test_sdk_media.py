"""Pictures and documents through both SDKs, to both upstreams."""

import base64
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion

from tests.conformance.sdk import PDF, PIXEL, Site

BIG = base64.b64encode(bytes(range(256)) * 4096).decode()  # 1 MB of what is no picture: nobody looks
URL = "https://pictures.example/cat.png"
IMAGE_AND_TEXT = "I see 1 image(s) and 0 document(s)"


def ask_openai(sdk: openai.OpenAI, site: Site, part: dict[str, Any]) -> ChatCompletion:
    """An answer about one thing to see."""
    content: Any = [{"type": "text", "text": "look"}, part]
    return sdk.chat.completions.create(model=site.model, messages=[{"role": "user", "content": content}])


def ask_anthropic(sdk: anthropic.Anthropic, site: Site, block: dict[str, Any]) -> Message:
    """An answer about one thing to see."""
    content: Any = [block, {"type": "text", "text": "look"}]
    return sdk.messages.create(model=site.model, max_tokens=64, messages=[{"role": "user", "content": content}])


def text_of(message: Message) -> str:
    """The text of a message."""
    return "".join(block.text for block in message.content if block.type == "text")


@pytest.mark.parametrize("data", [PIXEL, BIG], ids=["pixel", "megabyte"])
def test_a_picture_as_data_from_openai(openai_sdk: openai.OpenAI, site: Site, data: str) -> None:
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    answer = ask_openai(openai_sdk, site, part)
    assert answer.choices[0].message.content == IMAGE_AND_TEXT
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 101
    seen = site.body["messages"][0]["content"][1]
    if site.wire == "anthropic":
        assert seen == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    else:
        assert seen == part
    assert site.losses == ""
    site.settled()


@pytest.mark.parametrize("data", [PIXEL, BIG], ids=["pixel", "megabyte"])
def test_a_picture_as_data_from_anthropic(anthropic_sdk: anthropic.Anthropic, site: Site, data: str) -> None:
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    answer = ask_anthropic(anthropic_sdk, site, block)
    assert text_of(answer) == IMAGE_AND_TEXT
    assert answer.usage.input_tokens == 101
    seen = site.body["messages"][0]["content"][0]
    if site.wire == "openai":
        assert seen == {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    else:
        assert seen == block
    assert site.settled().losses == ()


def test_a_picture_by_address_from_openai(openai_sdk: openai.OpenAI, site: Site) -> None:
    answer = ask_openai(openai_sdk, site, {"type": "image_url", "image_url": {"url": URL, "detail": "low"}})
    assert answer.choices[0].message.content == IMAGE_AND_TEXT
    seen = site.body["messages"][0]["content"][1]
    if site.wire == "anthropic":
        assert seen == {"type": "image", "source": {"type": "url", "url": URL}}
        assert site.settled().losses == ("messages[0].content[1].image_url.detail",)
    else:
        assert seen["image_url"] == {"url": URL, "detail": "low"}
        site.settled()


def test_a_picture_by_address_from_anthropic(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    answer = ask_anthropic(anthropic_sdk, site, {"type": "image", "source": {"type": "url", "url": URL}})
    assert text_of(answer) == IMAGE_AND_TEXT
    if site.wire == "openai":
        assert site.body["messages"][0]["content"][0] == {"type": "image_url", "image_url": {"url": URL}}
    assert site.settled().losses == ()


def test_a_pdf_from_openai(openai_sdk: openai.OpenAI, site: Site) -> None:
    file = {"filename": "paper.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    answer = ask_openai(openai_sdk, site, {"type": "file", "file": file})
    assert answer.choices[0].message.content == "I see 0 image(s) and 1 document(s)"
    seen = site.body["messages"][0]["content"][1]
    if site.wire == "anthropic":
        source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
        assert seen == {"type": "document", "source": source, "title": "paper.pdf"}
    else:
        assert seen["file"] == file
    assert site.losses == ""
    site.settled()


def test_a_pdf_from_anthropic(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    answer = ask_anthropic(anthropic_sdk, site, {"type": "document", "source": source, "title": "paper.pdf"})
    assert text_of(answer) == "I see 0 image(s) and 1 document(s)"
    seen = site.body["messages"][0]["content"][0]
    if site.wire == "openai":
        file = {"filename": "paper.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
        assert seen == {"type": "file", "file": file}
    else:
        assert seen["source"] == source
    assert site.settled().losses == ()


def test_a_document_by_address_is_refused_by_name_where_there_are_none(
    anthropic_sdk: anthropic.Anthropic, site: Site
) -> None:
    block = {"type": "document", "source": {"type": "url", "url": "https://papers.example/paper.pdf"}}
    if site.wire == "anthropic":
        assert text_of(ask_anthropic(anthropic_sdk, site, block)) == "I see 0 image(s) and 1 document(s)"
        site.settled()
        return
    with pytest.raises(anthropic.BadRequestError) as refused:
        ask_anthropic(anthropic_sdk, site, block)
    assert "messages[0].content[0]" in refused.value.message
    assert site.cloud.exchanges == []
    assert (site.entry().code, site.entry().cost_picodollars) == ("not_translatable", 0)


def test_sound_is_refused_by_name_where_nobody_hears(openai_sdk: openai.OpenAI, anthropic_site: Site) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask_openai(openai_sdk, anthropic_site, {"type": "input_audio", "input_audio": {"data": PIXEL, "format": "wav"}})
    assert (refused.value.code, refused.value.param) == ("not_translatable", "messages[0].content[1]")
    assert anthropic_site.cloud.exchanges == []


def test_an_uploaded_file_means_nothing_elsewhere(
    openai_sdk: openai.OpenAI, anthropic_sdk: anthropic.Anthropic, openai_site: Site, anthropic_site: Site
) -> None:
    with pytest.raises(openai.BadRequestError, match=r"messages\[0\]\.content\[1\]"):
        ask_openai(openai_sdk, anthropic_site, {"type": "file", "file": {"file_id": "file-1"}})
    with pytest.raises(anthropic.BadRequestError, match=r"messages\[0\]\.content\[0\]"):
        ask_anthropic(anthropic_sdk, openai_site, {"type": "image", "source": {"type": "file", "file_id": "f"}})
    assert openai_site.cloud.exchanges == anthropic_site.cloud.exchanges == []


def test_a_picture_that_a_tool_returned_is_shown_to_openai_in_a_user_turn(
    anthropic_sdk: anthropic.Anthropic, site: Site
) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    history: Any = [
        {"role": "user", "content": "use the tool"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "camera", "input": {}}]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "a shot"}, image],
                }
            ],
        },
    ]
    anthropic_sdk.messages.create(
        model=site.model,
        max_tokens=64,
        messages=history,
        tools=[{"name": "camera", "input_schema": {"type": "object"}}],
    )
    entry = site.settled()
    if site.wire == "openai":
        assert [message["role"] for message in site.body["messages"]] == ["user", "assistant", "tool", "user"]
        assert site.body["messages"][3]["content"][1]["type"] == "image_url"
        assert len(entry.losses) == 1
    else:
        assert site.body["messages"] == history
