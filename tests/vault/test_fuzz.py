"""Whatever a file or a token service says: it is understood, or refused as a SecretError that shows no secret."""

import configparser
import contextlib
import json
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import SecretError
from keywright.core.http import HttpRequest, Reach
from keywright.core.secret import Secret
from keywright.vault.aws.answer import KeysAnswer, keys_of, sts_error, sts_keys
from keywright.vault.aws.bedrock import PREFIX, runs_out_s
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.aws.source import AwsSettings, plan_aws
from keywright.vault.fetch import Answer, Fetch, Question, Reply, place
from keywright.vault.google.file import ExternalAccount, ServiceAccount, read_google
from keywright.vault.oauth import token_of
from tests.vault.hands import Hands

VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
CANARY = "canary-7c1e9a"
QUESTION = Question("it", "https://token.example/", "written")


class Nowhere:
    """Nobody is asked here."""

    async def send(self, reach: Reach, request: HttpRequest) -> Answer:
        raise AssertionError((reach, request))


@contextlib.contextmanager
def understood_or_refused() -> Iterator[None]:
    """The block may raise SecretError, which shows no secret, and nothing else."""
    try:
        yield
    except SecretError as error:
        shown = "".join(traceback.format_exception(error))
        assert CANARY not in shown  # it need not come


def fetch() -> Fetch:
    return Fetch(Nowhere(), Hands(1_800_000_000.0).clock)


def likely(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of `fields`, each of which is now and then something else."""
    return st.fixed_dictionaries({}, optional={name: values | JSON for name, values in fields.items()})


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_refusal_becomes_one_short_printable_line(body: bytes) -> None:
    message = str(fetch().refused(QUESTION, Reply(400, ((b"date", body[:20]),), body)))
    assert message.startswith("it answered 400")
    assert message.isprintable()
    assert len(message) < 400


TOKENS = likely(
    access_token=st.text(max_size=20),
    expires_in=st.integers(0, 10_000) | st.text("0123456789", max_size=4),
    expires_on=st.text(),
)


@given(st.binary(max_size=100) | TOKENS.map(lambda value: json.dumps(value).encode()))
def test_any_answer_is_a_token_that_a_header_can_carry_or_is_refused(body: bytes) -> None:
    with understood_or_refused():
        text = token_of(fetch(), QUESTION, Reply(200, (), body), 1_800_000_000.0).secret.reveal()
        assert text.isascii()
        assert text.isprintable()
        assert " " not in text


@given(st.binary(max_size=200))
def test_any_answer_of_sts_is_keys_or_is_refused(body: bytes) -> None:
    sts_error(body)
    with pytest.raises(SecretError):
        sts_keys("it", body)


SECRETS = st.none() | st.text(min_size=1, max_size=12).map(Secret)


@given(st.builds(KeysAnswer, st.text(), SECRETS, SECRETS, st.text(), code=st.sampled_from(["Success", "Failed"])))
def test_any_answer_of_a_metadata_service_is_keys_or_is_refused(answer: KeysAnswer) -> None:
    with understood_or_refused():
        found = keys_of("it", answer)
        assert found.access_key_id.isascii()
        assert found.secret_access_key.reveal().isprintable()


@given(st.text(max_size=60).map(lambda text: PREFIX + text) | st.text(max_size=20).filter(bool))
def test_any_text_is_a_key_of_bedrock_or_none_that_runs_out(text: str) -> None:
    assert runs_out_s(Secret(text)) is None


ACCOUNTS = likely(
    type=st.sampled_from(["service_account", "authorized_user", "external_account", "impersonated_service_account"]),
    client_email=st.text(),
    client_id=st.text(),
    client_secret=st.just(CANARY),
    refresh_token=st.just(CANARY),
    private_key=st.just(CANARY),
    token_uri=st.sampled_from(["https://a/b", "http://a", "x", "http://[::1", ""]),
    token_url=st.sampled_from(["https://a/b", "http://a", "x", "http://[::1", ""]),
    audience=st.text(),
    subject_token_type=st.text(),
    credential_source=likely(file=st.text(), url=st.text(), format=likely(type=st.text()), executable=JSON),
    service_account_impersonation_url=st.text(),
    source_credentials=JSON,
)


@given(st.text(max_size=50) | JSON.map(json.dumps) | ACCOUNTS.map(json.dumps))
def test_any_text_is_a_google_credential_or_is_refused(text: str) -> None:
    with understood_or_refused():
        found = read_google("it", text)
        assert CANARY not in repr(found)
        if isinstance(found, ServiceAccount):
            assert found.token_uri.startswith("https://")
        if isinstance(found, ExternalAccount):
            assert found.credential_source.executable is None


SETTINGS = st.sampled_from(
    [
        *("role_arn", "source_profile", "credential_source", "aws_access_key_id", "aws_secret_access_key"),
        *("aws_session_token", "region", "sso_session", "credential_process", "mfa_serial", "duration_seconds"),
        *("web_identity_token_file", "external_id", "role_session_name"),
    ]
)
SAID = st.sampled_from(["a", "b", "c", "Environment", "EcsContainer", "Ec2InstanceMetadata", "900", "", "arn:x"])
PROFILE = st.dictionaries(SETTINGS, SAID, max_size=5).map(
    lambda said: {**said, "aws_secret_access_key": CANARY} if "aws_secret_access_key" in said else said
)
PROFILES = st.dictionaries(st.sampled_from("abc"), PROFILE, min_size=1)


@given(PROFILES)
def test_any_profiles_lead_somewhere_or_nowhere_but_never_in_a_circle(
    tmp_path_factory: pytest.TempPathFactory, profiles: dict[str, dict[str, str]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    parser = configparser.RawConfigParser()
    parser.read_dict({f"profile {name}": said for name, said in profiles.items()})
    with (folder / "config").open("w") as file:
        parser.write(file)
    environment = {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    for name in profiles:
        with understood_or_refused():
            source = plan_aws(AwsSettings(region="eu-west-1", profile=name), environment).source
            if isinstance(source, AwsKeys):
                assert source.secret_access_key.reveal() == profiles[name]["aws_secret_access_key"]


@given(st.text(max_size=200))
def test_any_file_of_profiles_is_read_or_refused_without_a_line_of_it(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(f"{text}\n{CANARY}".encode("utf-8", "surrogatepass"))
    environment = {"AWS_CONFIG_FILE": str(path), "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    with understood_or_refused():
        plan_aws(AwsSettings(region="eu-west-1"), environment)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_is_refused(url: str) -> None:
    with understood_or_refused():
        origin, target = place("it", url)
        assert origin.host
        assert target.startswith(b"/")
        assert target.isascii()
        assert not set(target) & set(b" \r\n")
