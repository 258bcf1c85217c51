"""Rankings for Cohere's SDK and for LiteLLM's, of Cohere and of a server that speaks as Jina does."""

from collections.abc import Iterator
from typing import Any

import cohere
import httpx
import pytest

from tests.conformance.sdks.litellm import Process
from tests.conformance.sdks.sdk import TIMEOUT_S
from tests.conftest import shared_dir
from tests.gateway import ADMIN_KEY, Gateway, running
from tests.standin import counts
from tests.standin import reply as say
from tests.standin.chat import ChatWire
from tests.standin.cloud import StandIn
from tests.standin.cohere import CohereWire
from tests.standin.reply import RejectedError
from tests.standin.whole import WholeWire

JINA_FIELDS = {"model", "query", "documents", "top_n", "return_documents"}
ASKED: dict[str, Any] = {"query": "a red rose", "documents": ["a blue sky", "a red rose", "red"], "top_n": 2}
RANKED = [(1, 1.0), (0, 0.33)]
MODELS = ("cohere/rerank-v3.5", "ranker/bge-reranker-v2-m3")


def jina(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """`/v1/rerank` as Jina's copies answer it: a document may be an object with a text."""
    if unknown := body.keys() - JINA_FIELDS:
        raise RejectedError(f"unknown fields: {sorted(unknown)}")
    texts = [each if isinstance(each, str) else each["text"] for each in body["documents"]]
    top = {"top_n": body["top_n"]} if "top_n" in body else {}
    told, _ = counts.ranking({"model": body["model"], "query": body["query"], "documents": texts, **top})
    tokens = say.words(body["query"]) + sum(map(say.words, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"model": body["model"], "object": "list", "usage": usage, "results": told["results"]}, tokens


@pytest.fixture(scope="module")
def rankers() -> Iterator[dict[str, StandIn]]:
    """Cohere, and a server that speaks as Jina does."""
    specs = shared_dir("specs")
    of_cohere, chat = CohereWire(specs), ChatWire(specs)
    made = {
        "cohere": StandIn(
            (of_cohere, WholeWire(of_cohere, "/v2/rerank", counts.ranking)), "co-standin", ("rerank-v3.5",)
        ),
        "ranker": StandIn((chat, WholeWire(chat, "/v1/rerank", jina)), "any-standin", ("bge-reranker-v2-m3",)),
    }
    for cloud in made.values():
        cloud.start()
    yield made
    for cloud in made.values():
        assert cloud.take_violations() == []
        cloud.close()


@pytest.fixture(scope="module")
def gateway(rankers: dict[str, StandIn], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = f"""
[store]
url = "sqlite:///test.db"
[providers.cohere]
api_key = "env:COHERE"
base_url = "{rankers["cohere"].base_url}"
[providers.ranker]
kind = "llama-cpp"
api_key = "env:RANKER"
base_url = "{rankers["ranker"].base_url}"
models = ["bge-reranker-v2-m3"]
[[prices]]
model = "ranker/bge-reranker-v2-m3"
input = "0.10"
output = "0"
"""
    keys = {"COHERE": "co-standin", "RANKER": "any-standin", "KEYWRIGHT_ADMIN_KEY": ADMIN_KEY}
    with running(tmp_path_factory.mktemp("rerank"), config, keys) as gateway:
        yield gateway


@pytest.mark.parametrize("model", MODELS)
def test_coheres_sdk_has_documents_ranked(gateway: Gateway, model: str) -> None:
    with httpx.Client(timeout=TIMEOUT_S) as http:
        client = cohere.ClientV2(api_key=gateway.admin_key, base_url=gateway.url, httpx_client=http)
        answer = client.rerank(model=model, **ASKED)
    assert [(each.index, round(each.relevance_score, 2)) for each in answer.results] == RANKED


@pytest.mark.parametrize("model", MODELS)
def test_coheres_older_client_has_documents_ranked(gateway: Gateway, model: str) -> None:
    with httpx.Client(timeout=TIMEOUT_S) as http:
        client = cohere.Client(api_key=gateway.admin_key, base_url=gateway.url, httpx_client=http)
        answer = client.rerank(model=model, **ASKED, return_documents=True)
        plain = client.rerank(model=model, **ASKED, return_documents=False)
    assert [(each.index, round(each.relevance_score, 2)) for each in answer.results] == RANKED
    assert [each.document and each.document.text for each in answer.results] == ["a red rose", "a blue sky"]
    assert [each.document for each in plain.results] == [None, None]


@pytest.mark.parametrize("model", MODELS)
def test_documents_of_coheres_older_client_may_be_objects(gateway: Gateway, model: str) -> None:
    documents: Any = [{"text": text} for text in ASKED["documents"]]
    with httpx.Client(timeout=TIMEOUT_S) as http:
        client = cohere.Client(api_key=gateway.admin_key, base_url=gateway.url, httpx_client=http)
        answer = client.rerank(model=model, **{**ASKED, "documents": documents})
    assert [(each.index, round(each.relevance_score, 2)) for each in answer.results] == RANKED


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    """LiteLLM in its own environment; the tests skip where there is none."""
    process = Process()
    yield process
    process.close()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("prefix", "path"), [("cohere", "/v2/rerank"), ("jina_ai", "/jina/v1/rerank")])
def test_litellm_has_documents_ranked(gateway: Gateway, process: Process, model: str, prefix: str, path: str) -> None:
    answer = process.call(
        "rerank", model=f"{prefix}/{model}", api_base=gateway.url + path, api_key=gateway.admin_key, **ASKED
    )
    assert [(each["index"], round(each["relevance_score"], 2)) for each in answer["results"]] == RANKED


def test_an_unknown_model_is_the_sdks_own_error(gateway: Gateway) -> None:
    with httpx.Client(timeout=TIMEOUT_S) as http:
        client = cohere.ClientV2(api_key=gateway.admin_key, base_url=gateway.url, httpx_client=http)
        with pytest.raises(cohere.NotFoundError):
            client.rerank(model="ranker/nonsense", **ASKED, request_options={"max_retries": 0})
