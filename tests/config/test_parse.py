"""`keywright.toml`: what is accepted, and that every fault names its line and key and repeats no value."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from keywright.config import TEMPLATE, Config, ModelConfig, PriceConfig, ProviderConfig, Timeouts, load, parse
from keywright.config.file import FILE_BYTES_MAX
from keywright.core.errors import ConfigError
from keywright.pipeline.route import CANDIDATES_MAX

CANARY = "canary-5f1d0c9e7b"

CONTRACT = """\
[server]
host = "127.0.0.1"
port = 4100

[store]
url = "sqlite:///keywright.db"

[providers.openai]
api_key = "env:OPENAI_API_KEY"

[providers.anthropic]
api_key = ["env:ANTHROPIC_API_KEY", "file:/run/secrets/anthropic"]

[providers.edge]
kind = "openai-compatible"
base_url = "http://127.0.0.1:8000/v1"
api_key = "dotenv:EDGE_API_KEY"
headers = { x-team = "search" }
timeout_s = { connect = 1, total = 60.5 }
models = "my-*"

[models.fast]
route = ["openai/gpt-5-mini", "anthropic/claude-haiku-4-5"]

[[prices]]
model = "edge/my-model"
input = "0.10"
output = "0.40"

[retry]
attempts = 5
"""


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "k.toml")
    return str(caught.value).splitlines()


def fault(text: str) -> str:
    (only,) = faults(text)
    return only


def provider(line: str) -> str:
    """A file in which `line` is line 3 and all else is right."""
    return f'[providers.openai]\napi_key = "env:A"\n{line}\n'


def test_the_contract_is_read() -> None:
    config = parse(CONTRACT)
    assert config.server.port == 4100
    assert config.providers == {
        "openai": ProviderConfig(api_key=("env:OPENAI_API_KEY",)),
        "anthropic": ProviderConfig(api_key=("env:ANTHROPIC_API_KEY", "file:/run/secrets/anthropic")),
        "edge": ProviderConfig(
            kind="openai-compatible",
            base_url="http://127.0.0.1:8000/v1",
            api_key=("dotenv:EDGE_API_KEY",),
            headers={"x-team": "search"},
            timeout_s=Timeouts(connect=1.0, total=60.5),
            models=("my-*",),
        ),
    }
    assert config.models == {"fast": ModelConfig(route=("openai/gpt-5-mini", "anthropic/claude-haiku-4-5"))}
    assert config.prices == (PriceConfig(model="edge/my-model", input=Decimal("0.10"), output=Decimal("0.40")),)
    assert config.retry.attempts == 5


def test_an_empty_file_is_all_defaults() -> None:
    assert parse("") == Config()
    assert (Config().server.host, Config().server.port) == ("127.0.0.1", 4100)


def test_the_template_is_right_as_it_is_and_with_every_setting_switched_on() -> None:
    assert parse(TEMPLATE) == Config()
    settings = "".join(
        line[1:] if re.match(r"#[a-z\[]", line) else line for line in TEMPLATE.splitlines(keepends=True)
    ).replace('url = "sqlite:///keywright.db"\n', "")
    config = parse(settings)
    assert set(config.providers) == {"openai", "anthropic", "edge"}
    assert config.store.password == "env:KEYWRIGHT_STORE_PASSWORD"
    assert config.models
    assert config.prices


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nprot = 1", "k.toml:2: server.prot: unknown key; did you mean port?"),
        ("\n[sever]\n", "k.toml:2: sever: unknown key; did you mean server?"),
        ("server.prot = 1", "k.toml:1: server.prot: unknown key; did you mean port?"),
        ("server = {prot = 1}", "k.toml:1: server.prot: unknown key; did you mean port?"),
        (provider("basurl = 1"), "k.toml:3: providers.openai.basurl: unknown key; did you mean base_url?"),
        (
            provider("timeout_s.conect = 1"),
            "k.toml:3: providers.openai.timeout_s.conect: unknown key; did you mean connect?",
        ),
        ("[models.x]\nzzz = 1\nroute='openai/x'", "k.toml:2: models.x.zzz: unknown key; known are route"),
        (
            "[[prices]]\nmodel='openai/x'\ninput='1'\n\n[[prices]]\nmodel='openai/y'\ninputs='1'\noutput='1'",
            "k.toml:7: prices[1].inputs: unknown key; did you mean input?",
        ),
        ('[server]\nport = "4100"', "k.toml:2: server.port: expected a whole number, got a string"),
        ("[server]\nport = true", "k.toml:2: server.port: expected a whole number, got true or false"),
        ("[server]\nport = 65536", "k.toml:2: server.port: expected a whole number <= 65535"),
        ("[server]\nshutdown_s = nan", "k.toml:2: server.shutdown_s: expected a number > 0.0"),
        ("[server]\nshutdown_s = inf", "k.toml:2: server.shutdown_s: expected a number <= 86400.0"),
        ('[server]\nhost = ""', "k.toml:2: server.host: expected a string of length >= 1"),
        ("[server]\nhost = 2025-01-01", "k.toml:2: server.host: expected a string, got date"),
        ("server = 1", "k.toml:1: server: expected a table"),
        ("providers = 1", "k.toml:1: providers: expected a table"),
        ("[models.x]\n", "k.toml:1: models.x: route is missing"),
        ("[models.x]\nroute = []", "k.toml:2: models.x.route: expected a list of length >= 1"),
        (
            f"[models.x]\nroute = {['openai/x'] * (CANDIDATES_MAX + 1)}",
            f"k.toml:2: models.x.route: expected a list of length <= {CANDIDATES_MAX}",
        ),
        (provider('timeout_s = "5"'), "k.toml:3: providers.openai.timeout_s: expected a number, got a string"),
        (
            provider("models = ['a',\n 1]"),
            "k.toml:3: providers.openai.models[1]: expected a string, got a whole number",
        ),
        (provider("headers = {x = 1}"), "k.toml:3: providers.openai.headers.x: expected a string, got a whole number"),
    ],
)
def test_an_unknown_key_or_a_wrong_type_is_told_with_its_line(text: str, said: str) -> None:
    assert fault(text) == said


@pytest.mark.parametrize("field", ["input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning"])
@pytest.mark.parametrize("value", ["0.1", "1", "true", "[]"])
def test_a_price_that_is_no_string_is_answered_with_quotes(field: str, value: str) -> None:
    said = fault(f"[[prices]]\nmodel = 'openai/x'\n{field} = {value}")
    assert said.startswith(f"k.toml:3: prices[0].{field}: ")
    assert 'write it in quotes, as "0.10"' in said


@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity", "1e99", "0.0000000000001"])
def test_a_price_is_a_finite_amount_that_money_can_hold(value: str) -> None:
    assert "expected US dollars" in fault(f"[[prices]]\nmodel = 'openai/x'\ninput = '{value}'")
    assert "invalid decimal" in fault("[[prices]]\nmodel = 'openai/x'\ninput = '1,0'")


def test_a_price_row_prices_one_model_once() -> None:
    row = "[[prices]]\nmodel = 'openai/x'\ninput = '1'\n"
    assert fault(row + row) == "k.toml:5: prices[1].model: priced twice"
    assert "has no price" in fault("[[prices]]\nmodel = 'openai/x'")


@pytest.mark.parametrize(
    "value", [f"sk-{CANARY}", f"env:{CANARY}", f"file:{CANARY}", f"Bearer {CANARY}", f"env:A\\n{CANARY}"]
)
def test_a_literal_secret_is_refused_and_not_repeated(value: str) -> None:
    said = fault(f'[providers.groq]\napi_key = "{value}"')
    assert said.startswith("k.toml:2: providers.groq.api_key: ")
    assert CANARY not in said
    second = fault(f'[providers.groq]\napi_key = ["env:A", "{value}"]')
    assert second.startswith("k.toml:2: providers.groq.api_key[1]: ")
    assert CANARY not in second


def test_a_literal_secret_is_answered_with_the_reference_to_use() -> None:
    said = fault(f'[providers.anthropic]\napi_key = "sk-{CANARY}"')
    assert said.endswith('set ANTHROPIC_API_KEY and write "env:ANTHROPIC_API_KEY" here')
    ours = '[providers.my-edge]\nkind = "openai-compatible"\nbase_url = "http://x"\napi_key = "abc"'
    assert '"env:MY_EDGE_API_KEY"' in fault(ours)
    password = fault(f'[store]\nurl = "postgresql://u:{CANARY}@h/d"')
    assert 'password = "env:' in password
    assert CANARY not in password
    assert "may not stand" in fault(f'[store]\npassword = "{CANARY}"')
    assert "may not stand" in fault(f'[store]\nurl = "postgresql://u@h/d?password={CANARY}"')


@pytest.mark.parametrize(
    "text", ["keyring:a/b", "aws-sm://a#b", "gcp-sm://a/b", "azure-kv://a/b", "vault://a/b#c", "sealed:a"]
)
def test_a_reference_to_each_kind_of_store_is_taken(text: str) -> None:
    assert parse(f'[providers.openai]\napi_key = "{text}"', "test").providers["openai"].api_key == (text,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[providers.opnai]\napi_key='env:A'", "needs a kind; did you mean openai?"),
        ("[providers.x]\nkind='opnai'\napi_key='env:A'", "providers.x.kind: no such kind; did you mean openai?"),
        ("[providers.openai]", 'api_key is missing: write api_key = "env:OPENAI_API_KEY"'),
        ("[providers.openai-compatible]", "base_url is missing"),
        ("[providers.x]\nkind='openai-compatible'", "base_url is missing"),
        ("[providers.'a/b']\nkind='ollama'", "a provider's name has"),
        ("[providers.'']\nkind='ollama'", "a provider's name has"),
        (provider("proxy = 'https://h:1'"), "expected http://HOST:PORT"),
        (provider(f"proxy = 'http://u:{CANARY}@h:1'"), "set HTTPS_PROXY"),
        (provider("base_url = 'ftp://h'"), "starts with https:// or http://"),
        ("[store]\nurl = 'mysql://h/d'", "expected sqlite:///FILE or postgresql://"),
        ("[store]\nurl = 'http://[x'", "not a valid URL"),
    ],
)
def test_a_provider_that_cannot_be_is_told(text: str, said: str) -> None:
    assert said in fault(text)
    assert CANARY not in fault(text)


@pytest.mark.parametrize(
    "name", ["Authorization", "x-api-key", "API-KEY", "cookie", "Host", "te", "helicone-auth", "a b", ""]
)
def test_a_header_may_not_be_a_credential_nor_the_transports(name: str) -> None:
    assert fault(provider(f"headers = {{ '{name}' = 'x' }}")).startswith("k.toml:3: providers.openai.headers.")


@pytest.mark.parametrize("value", ["a\\r\\nb: c", "a\\u0000", "é", " a", "a" * 5000])
def test_a_headers_value_is_one_printable_line(value: str) -> None:
    assert fault(provider(f'headers = {{ x-a = "{value}" }}')).startswith("k.toml:3: providers.openai.headers.x-a: ")


def test_a_header_is_given_once() -> None:
    assert "given twice" in fault(provider("headers = { x-a = 'b', X-A = 'c' }"))


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ("fast", "expected provider/model"),
        ("other", "expected provider/model"),
        ("/x", "expected provider/model"),
        ("openai/", "expected provider/model"),
        ("openai/a b", "expected provider/model"),
        ("opnai/x", "did you mean openai?"),
        ("anthropic/x", "no provider of that name is configured; known are openai"),
    ],
)
def test_a_route_names_models_of_configured_providers(route: str, said: str) -> None:
    text = provider(f"[models.fast]\nroute = ['openai/x', '{route}']\n[models.other]\nroute='openai/y'")
    assert fault(text).startswith("k.toml:4: models.fast.route[1]: ")
    assert said in fault(text)


def test_without_providers_a_route_may_name_what_the_environment_may_offer() -> None:
    assert parse("[models.fast]\nroute = 'openai/x'").models
    assert "did you mean groq?" in fault("[models.fast]\nroute = 'grok/x'")


@pytest.mark.parametrize("alias", ["a/b", "", "a b", "a" * 65, "é"])
def test_an_alias_has_no_slash(alias: str) -> None:
    assert "no slash" in fault(f"[models.'{alias}']\nroute = 'openai/x'")


def test_every_fault_is_told_in_one_run_in_the_files_order() -> None:
    text = CONTRACT.replace("port =", "prot =").replace('"0.10"', "0.1").replace('"env:OPENAI_API_KEY"', f'"{CANARY}"')
    text = text.replace("openai/gpt", "opnai/gpt").replace("attempts", "attemps")
    lines = [int(said.split(":")[1]) for said in faults(text)]
    assert lines == [3, 9, 23, 27, 31]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nport = \n", "k.toml:2: not TOML: "),
        ("a = 1\na = 2", "k.toml:2: not TOML: "),
        (f"api_key = sk-{CANARY}", "k.toml:1: not TOML: "),
        ("a = " + "[" * 20_000, "k.toml: nested too deep"),
        ("a = " + "9" * 5000, "k.toml: not TOML: "),
        ("#" * (FILE_BYTES_MAX + 1), "k.toml: longer than"),
        ("\na = [" + "\n" * 2000 + "]", "k.toml:2: a value of more than 1000 lines"),
        ("a." * 1500 + "a = 1", "k.toml:1: a: unknown key"),
        ("[" + "a." * 1500 + "a]", "k.toml:1: a: unknown key"),
    ],
)
def test_what_is_not_toml_is_told_with_its_line(text: str, said: str) -> None:
    assert fault(text).startswith(said)
    assert CANARY not in fault(text)


def test_a_file_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "keywright.toml"
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(path)
    path.write_text(CONTRACT)
    assert load(path) == parse(CONTRACT)
    path.write_text("x = 1")
    with pytest.raises(ConfigError, match=re.escape(f"{path}:1: x: unknown key")):
        load(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(path)
    path.write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(ConfigError, match="larger than"):
        load(path)
