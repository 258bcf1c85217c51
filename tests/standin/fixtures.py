"""Fixtures: the two stand-in clouds. A test fails when a request of its broke the provider's rules."""

from collections.abc import Iterator

import pytest

from tests.conftest import shared_dir
from tests.dialects.gemini.official import proto
from tests.standin import vectors
from tests.standin.bedrock import ConverseWire, InvokeWire
from tests.standin.chat import ChatWire
from tests.standin.cloud import StandIn
from tests.standin.cohere import CohereWire
from tests.standin.counts import AnthropicCount, BedrockCount, GeminiCount, OpenAICount, ranking
from tests.standin.fim import FimWire
from tests.standin.gemini import GeminiArrayWire, GeminiWire
from tests.standin.messages import MessagesWire
from tests.standin.mistral import MistralWire
from tests.standin.ollama import OllamaMessagesWire, OllamaWire
from tests.standin.responses import ResponsesWire
from tests.standin.whole import WholeWire

OPENAI_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-5-mini", "o3-mini", "text-embedding-3-small")
ANTHROPIC_MODELS = ("claude-opus-4-5", "claude-haiku-4-5", "claude-sonnet-4-5")
GEMINI_MODELS = ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-3-pro-preview", "gemini-embedding-001")

CLAUDE_ON_BEDROCK = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
BEDROCK_MODELS = (CLAUDE_ON_BEDROCK, "amazon.nova-pro-v1:0", "amazon.titan-embed-text-v2:0")

COHERE_MODELS = ("command-a-03-2025", "command-a-reasoning-08-2025", "embed-v4.0", "rerank-v3.5")

MISTRAL_MODELS = ("mistral-large-latest", "mistral-small-latest")
OLLAMA_MODELS = ("llama3.2", "qwen3")


@pytest.fixture(scope="session")
def openai_server() -> Iterator[StandIn]:
    """The stand-in for OpenAI, one for all tests."""
    chat = ChatWire(shared_dir("specs"))
    answers = ResponsesWire(shared_dir("specs"))
    whole = (
        WholeWire(chat, "/v1/embeddings", vectors.openai),
        WholeWire(chat, "/v1/responses/input_tokens", OpenAICount(answers)),
    )
    cloud = StandIn((chat, answers, *whole), "sk-standin-openai", OPENAI_MODELS)
    cloud.start()
    yield cloud
    cloud.close()


@pytest.fixture(scope="session")
def anthropic_server() -> Iterator[StandIn]:
    """The stand-in for Anthropic, one for all tests."""
    chat = MessagesWire(shared_dir("specs"))
    whole = WholeWire(chat, "/v1/messages/count_tokens", AnthropicCount(chat))
    cloud = StandIn((chat, whole), "sk-ant-standin", ANTHROPIC_MODELS)
    cloud.start()
    yield cloud
    cloud.close()


@pytest.fixture(scope="session")
def gemini_server() -> Iterator[StandIn]:
    """The stand-in for Gemini, one for all tests."""
    chat, embedding, model = GeminiWire(proto()), vectors.Gemini(proto()), "/v1beta/models/([^/:]+)"
    whole = (
        WholeWire(chat, f"{model}:batchEmbedContents", embedding.many),
        WholeWire(chat, f"{model}:embedContent", embedding.single),
        WholeWire(chat, f"{model}:countTokens", GeminiCount(chat)),
    )
    cloud = StandIn((chat, GeminiArrayWire(proto()), *whole), "AIza-standin", GEMINI_MODELS)
    cloud.start()
    yield cloud
    cloud.close()


@pytest.fixture(scope="session")
def bedrock_server() -> Iterator[StandIn]:
    """The stand-in for Bedrock, one for all tests."""
    specs = shared_dir("specs")
    converse, invoke = ConverseWire(specs), InvokeWire(specs)
    whole = (
        WholeWire(converse, "/model/([^/]+)/count-tokens", BedrockCount(converse, invoke)),
        WholeWire(converse, "/model/(amazon.titan-embed[^/]+)/invoke", vectors.titan),
    )
    cloud = StandIn((converse, invoke, *whole), "bedrock-api-key-standin", BEDROCK_MODELS)
    cloud.start()
    yield cloud
    cloud.close()


@pytest.fixture(scope="session")
def cohere_server() -> Iterator[StandIn]:
    """The stand-in for Cohere, one for all tests."""
    chat = CohereWire(shared_dir("specs"))
    whole = (WholeWire(chat, "/v2/embed", vectors.cohere), WholeWire(chat, "/v2/rerank", ranking))
    cloud = StandIn((chat, *whole), "co-standin", COHERE_MODELS)
    cloud.start()
    yield cloud
    cloud.close()


@pytest.fixture(scope="session")
def mistral_server() -> Iterator[StandIn]:
    """The stand-in for Mistral, one for all tests."""
    chat = MistralWire(shared_dir("specs"))
    whole = WholeWire(chat, "/v1/embeddings", vectors.mistral)
    cloud = StandIn((chat, FimWire(shared_dir("specs")), whole), "mistral-standin", MISTRAL_MODELS)
    cloud.start()
    yield cloud
    cloud.close()


@pytest.fixture(scope="session")
def ollama_server() -> Iterator[StandIn]:
    """The stand-in for Ollama, one for all tests. It speaks as OpenAI and Anthropic do, too."""
    specs = shared_dir("specs")
    chat = OllamaWire()
    native = WholeWire(chat, "/api/embed", vectors.ollama)
    whole = (native, WholeWire(chat, "/v1/embeddings", vectors.ollama_as_openai))
    wires = (chat, ChatWire(specs), ResponsesWire(specs), OllamaMessagesWire(specs))
    cloud = StandIn((*wires, *whole), "ollama-standin", OLLAMA_MODELS)
    cloud.start()
    yield cloud
    cloud.close()


@pytest.fixture
def openai_cloud(openai_server: StandIn) -> Iterator[StandIn]:
    """The stand-in for OpenAI, remembering this test only."""
    openai_server.reset()
    yield openai_server
    assert openai_server.take_violations() == []


@pytest.fixture
def anthropic_cloud(anthropic_server: StandIn) -> Iterator[StandIn]:
    """The stand-in for Anthropic, remembering this test only."""
    anthropic_server.reset()
    yield anthropic_server
    assert anthropic_server.take_violations() == []
