"""A real model, through every SDK and by each of the wires that llama.cpp speaks.

What it says is its own affair; that all is told, in the client's own words, and counted as the server counts, is ours.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import ollama
import openai
import pytest
import trustme

from keywright.local import ALIAS, LocalModel, LocalModelMissingError, start
from keywright.server.listen import Tls
from tests.conformance.sdks.bedrock import Bedrock, runtime
from tests.conformance.sdks.book import Book
from tests.conformance.sdks.conftest import BOTO3, MAKERS
from tests.conformance.sdks.sdk import TIMEOUT_S, FailedError, Said, Sdk
from tests.gateway import ADMIN_KEY, Gateway, running

TOKENS_MAX = 8
QUESTION = "What is the capital of France?"
PROVIDERS = ("local", "llama", "anthropic-like")
"""Who is asked as OpenAI is, as llama.cpp is (in the client's own dialect, if it has it), and as Anthropic is."""


@pytest.fixture(scope="module")
def config() -> Iterator[str]:
    """A configuration that leads to the embedded model; the tests skip where it is not installed."""
    try:
        model = start()
    except LocalModelMissingError as missing:
        pytest.skip(str(missing))
    with model:
        yield configured(model)


def configured(model: LocalModel) -> str:
    kinds = {"local": "local", "llama": "llama-cpp", "anthropic-like": "anthropic"}
    addresses = {name: model.base_url + ("" if name == "anthropic-like" else "/v1") for name in PROVIDERS}
    tables = [
        f'[providers.{name}]\nkind = "{kind}"\nbase_url = "{addresses[name]}"\nmodels = ["{ALIAS}"]\n'
        + ('api_key = "env:ANY_KEY"\n' if kind == "anthropic" else "")
        for name, kind in kinds.items()
    ]
    price = f'[[prices]]\nmodel = "anthropic-like/{ALIAS}"\ninput = "0.10"\noutput = "0.40"\n'
    return '[store]\nurl = "sqlite:///test.db"\n' + "".join(tables) + price


PASSED_ON: dict[tuple[str, str], str] = {
    ("openai_responses", "llama"): "llama.cpp's own Responses API passes as it is: its events lack what the SDK needs, "
    "and it says of every answer that it is complete"
}
"""By dialect and provider, why an SDK does not understand the server that it asks."""
VARIABLES = {"KEYWRIGHT_ADMIN_KEY": ADMIN_KEY, "ANY_KEY": "llama-takes-any-key"}


@pytest.fixture(scope="module")
def real(config: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("real"), config, VARIABLES) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def secure(config: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Path]]:
    """Another gateway, which speaks HTTPS, and the file of the authority to trust."""
    folder = tmp_path_factory.mktemp("real-secure")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    tls = Tls(folder / "server.pem", folder / "server.pem")
    with running(folder, config, VARIABLES, tls=tls) as gateway:
        yield gateway, folder / "ca.pem"


@pytest.fixture(scope="module", params=[*MAKERS, BOTO3])
def asked(request: pytest.FixtureRequest) -> Iterator[tuple[Sdk, Gateway]]:
    """Every SDK in turn, and the gateway that it asks."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        sdk: Sdk
        if request.param == BOTO3:
            gateway, ca_file = request.getfixturevalue("secure")
            sdk = Bedrock(gateway.url, gateway.admin_key, str(ca_file), monkeypatch)
        else:
            gateway = request.getfixturevalue("real")
            sdk = MAKERS[request.param](gateway.url, gateway.admin_key)
        yield sdk, gateway
        sdk.close()


def settled(book: Book, provider: str, dialect: str, *, stream: bool) -> tuple[int, int]:
    """What the call's entry says that was used; it went well and cost what it should."""
    entry = book.entry()
    assert (entry.outcome, entry.status, entry.dialect, entry.stream) == ("ok", 200, dialect, stream)
    assert (entry.served, entry.usage_source) == (f"{provider}/{ALIAS}", "provider")
    assert 0 < entry.usage.output_total <= TOKENS_MAX
    assert (entry.cost_picodollars > 0) == (provider == "anthropic-like")
    return entry.usage.input_total, entry.usage.output_total


def skip_what_passes(sdk: Sdk, provider: str) -> None:
    if why := PASSED_ON.get((sdk.dialect, provider)):
        pytest.skip(why)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_real_model_answers(asked: tuple[Sdk, Gateway], provider: str, streamed: bool) -> None:
    sdk, gateway = asked
    skip_what_passes(sdk, provider)
    book = Book(gateway)
    ask = sdk.stream if streamed else sdk.ask
    said: Said = ask(f"{provider}/{ALIAS}", QUESTION, tokens_max=TOKENS_MAX)
    assert said.text.strip()
    assert said.finish in ("stop", "length")
    assert said.usage == settled(book, provider, sdk.dialect, stream=streamed)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_real_model_stops_at_the_limit(asked: tuple[Sdk, Gateway], provider: str) -> None:
    sdk, gateway = asked
    skip_what_passes(sdk, provider)
    book = Book(gateway)
    said = sdk.ask(f"{provider}/{ALIAS}", "Tell me a long story.", tokens_max=2)
    assert said.finish == "length"
    assert said.usage is not None
    assert said.usage == settled(book, provider, sdk.dialect, stream=False)
    assert said.usage[1] == 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_model_that_is_not_there_is_the_sdks_own_error(asked: tuple[Sdk, Gateway], provider: str) -> None:
    sdk, gateway = asked
    book = Book(gateway)
    with pytest.raises(FailedError) as caught:
        sdk.ask(f"{provider}/nothing", QUESTION, tokens_max=2)
    assert caught.value.status == 404
    assert book.entry().code == "model_not_found"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_real_model_goes_on_with_a_prompt(real: Gateway, provider: str, streamed: bool) -> None:
    """OpenAI's completions, which are chats to most providers."""
    book = Book(real)
    with openai.OpenAI(base_url=f"{real.url}/v1", api_key=real.admin_key, max_retries=0, timeout=TIMEOUT_S) as client:
        if streamed:
            chunks = list(
                client.completions.create(
                    model=f"{provider}/{ALIAS}", prompt="The capital of France is", max_tokens=8, stream=True
                )
            )
            text = "".join(choice.text for chunk in chunks for choice in chunk.choices)
        else:
            answer = client.completions.create(
                model=f"{provider}/{ALIAS}", prompt="The capital of France is", max_tokens=8
            )
            text = answer.choices[0].text
            assert answer.choices[0].finish_reason in ("stop", "length")
    assert text.strip()
    settled(book, provider, "openai_completions", stream=streamed)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_real_model_generates_for_ollamas_clients(real: Gateway, provider: str, streamed: bool) -> None:
    book = Book(real)
    headers = {"authorization": f"Bearer {real.admin_key}"}
    client: Any = ollama.Client(host=real.url, headers=headers, timeout=TIMEOUT_S)
    answer = client.generate(f"{provider}/{ALIAS}", QUESTION, options={"num_predict": 8}, stream=streamed)
    parts = list(answer) if streamed else [answer]
    client.close()
    assert "".join(part.response for part in parts).strip()
    assert parts[-1].done
    used = settled(book, provider, "ollama_generate", stream=streamed)
    assert (parts[-1].prompt_eval_count, parts[-1].eval_count) == used


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_real_model_is_invoked(secure: tuple[Gateway, Path], provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bedrock's InvokeModel with Claude's body."""
    gateway, ca_file = secure
    book = Book(gateway)
    client: Any = runtime(gateway.url, gateway.admin_key, str(ca_file), monkeypatch)
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 8,
        "messages": [{"role": "user", "content": QUESTION}],
    }
    answer = client.invoke_model(modelId=f"{provider}/{ALIAS}", body=msgspec.json.encode(body))
    told = msgspec.json.decode(answer["body"].read())
    client.close()
    assert told["content"][0]["text"].strip()
    assert told["usage"]["output_tokens"] == settled(book, provider, "bedrock_invoke", stream=False)[1]
