"""Bedrock's two keys of a user are rotated by way of the free slot, and nobody's key is ended but our own."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import RotationError, SecretAbsentError
from keywright.core.http import Deadlines
from keywright.core.rotation import KeyMark
from keywright.core.secret import Secret
from keywright.rotation.driver import Driver
from keywright.rotation.drivers.bedrock import BedrockDriver, BedrockSettings, public_part
from keywright.rotation.iam import BedrockCredentials, Endpoint, endpoint
from keywright.vault.aws.bedrock import mint
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.fetch import Fetch
from tests.rotation.standins.base import losing
from tests.rotation.standins.bedrock import ADMIN_ID, ADMIN_SECRET, DAY_S, Bedrock, LongTermKey
from tests.vault.standin import Say, service

USER = "gateway"
NAME = "keywright-r1"
ADMIN = AwsKeys(ADMIN_ID, Secret(ADMIN_SECRET))


async def admin() -> AwsKeys:
    return ADMIN


class Spares:
    """Which keys are spare, by their ids; and what was asked."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.asked: list[str] = []

    async def __call__(self, key_id: str) -> bool:
        self.asked.append(key_id)
        return key_id in self.ids


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    with Bedrock().open() as running:
        yield running


@pytest.fixture
def used(bedrock: Bedrock) -> LongTermKey:
    """The key in use."""
    return bedrock.make(USER)


@pytest.fixture
def spares() -> Spares:
    return Spares()


@pytest.fixture
def driver(bedrock: Bedrock, fetch: Fetch, spares: Spares) -> Driver:
    return BedrockDriver(fetch, at(bedrock), admin, BedrockSettings(USER), spares)


def at(bedrock: Bedrock) -> Endpoint:
    return Endpoint(bedrock.url, "us-east-1", public=False)


def test_the_stand_in_is_understood_by_amazon_s_own_sdk(bedrock: Bedrock) -> None:
    iam: Any = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url=bedrock.url,
        aws_access_key_id=ADMIN_ID,
        aws_secret_access_key=ADMIN_SECRET,
    )
    whose = {"UserName": USER, "ServiceName": "bedrock.amazonaws.com"}
    made = iam.create_service_specific_credential(**whose, CredentialAgeDays=2)["ServiceSpecificCredential"]
    iam.create_service_specific_credential(**whose)
    with pytest.raises(ClientError, match="LimitExceeded"):
        iam.create_service_specific_credential(**whose)
    assert made["ServiceCredentialSecret"].startswith("ABSK")
    assert (made["ExpirationDate"] - made["CreateDate"]).days == 2
    which = {"UserName": USER, "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    iam.update_service_specific_credential(**which, Status="Inactive")
    listed = iam.list_service_specific_credentials(**whose)["ServiceSpecificCredentials"]
    assert [each["Status"] for each in listed] == ["Inactive", "Active"]
    assert "ServiceCredentialSecret" not in listed[0]
    iam.delete_service_specific_credential(**which)
    assert list(bedrock.keys) == [listed[1]["ServiceSpecificCredentialId"]]


async def test_a_key_is_replaced_through_the_free_slot(bedrock: Bedrock, driver: Driver, used: LongTermKey) -> None:
    old = await driver.find(Secret(used.key))
    assert old == KeyMark(used.id, Secret(used.key).fingerprint, used.alias)
    new = await driver.create(NAME, old)
    assert new.expires_s is None
    assert new.secret.reveal() == bedrock.keys[new.mark.id].key
    assert await driver.find(new.secret) == new.mark
    assert bedrock.lives(used.key)
    assert bedrock.lives(new.secret.reveal())
    for _ in range(2):
        await driver.disable(old)
        assert not bedrock.lives(used.key)
    for _ in range(2):
        await driver.enable(old)
        assert bedrock.lives(used.key)
    for _ in range(2):
        await driver.delete(old)
    assert list(bedrock.keys) == [new.mark.id]
    await driver.disable(old)
    with pytest.raises(RotationError, match="gone or has run out"):
        await driver.enable(old)
    assert await driver.last_used_s(new.mark) is None


@pytest.mark.parametrize(("lifetime_s", "days"), [(90 * DAY_S, 90), (DAY_S + 1, 2), (1, 1)])
async def test_new_keys_run_out_after_whole_days(
    bedrock: Bedrock, fetch: Fetch, used: LongTermKey, spares: Spares, lifetime_s: int, days: int
) -> None:
    driver = BedrockDriver(fetch, at(bedrock), admin, BedrockSettings(USER, lifetime_s), spares)
    new = await driver.create(NAME, KeyMark(used.id))
    made = bedrock.keys[new.mark.id]
    assert new.expires_s == made.expires_s == made.created_s + days * DAY_S


@pytest.mark.parametrize("status", ["Inactive", "Expired"])
async def test_a_key_that_nobody_can_use_makes_room(
    bedrock: Bedrock, driver: Driver, used: LongTermKey, status: str, spares: Spares
) -> None:
    other = bedrock.make(USER)
    other.status = "Inactive" if status == "Inactive" else "Active"
    other.expires_s = 1 if status == "Expired" else None
    assert await driver.obstacle(KeyMark(used.id)) == ""
    assert set(bedrock.keys) == {used.id, other.id}
    new = await driver.create(NAME, KeyMark(used.id))
    assert set(bedrock.keys) == {used.id, new.mark.id}
    assert spares.asked == []


async def test_a_spare_key_makes_room(bedrock: Bedrock, driver: Driver, used: LongTermKey, spares: Spares) -> None:
    other = bedrock.make(USER)
    spares.ids.add(other.id)
    new = await driver.create(NAME, KeyMark(used.id))
    assert set(bedrock.keys) == {used.id, new.mark.id}
    assert spares.asked == [other.id]


async def test_somebody_s_active_key_is_left_alone(bedrock: Bedrock, driver: Driver, used: LongTermKey) -> None:
    other = bedrock.make(USER)
    with pytest.raises(RotationError, match=f"two active Bedrock keys.*{other.id}.*--status Inactive") as failure:
        await driver.create(NAME, KeyMark(used.id))
    assert not failure.value.passing
    assert await driver.obstacle(KeyMark(used.id)) == str(failure.value)
    assert set(bedrock.keys) == {used.id, other.id}


async def test_a_key_that_is_not_the_user_s_is_not_replaced(bedrock: Bedrock, driver: Driver, fetch: Fetch) -> None:
    bedrock.users.add("another")
    foreign = bedrock.make("another")
    short = mint(ADMIN, "us-east-1", fetch.now_s(), 3600)
    for secret in (Secret(foreign.key), short, Secret("ABSKnothing"), Secret("plain")):
        with pytest.raises(RotationError, match="none of the Bedrock keys of the IAM user gateway"):
            await driver.find(secret)
    with pytest.raises(RotationError, match="not among the Bedrock keys"):
        await driver.create(NAME, KeyMark(foreign.id))
    assert list(bedrock.keys) == [foreign.id]


@pytest.mark.parametrize("losses", [1, 2, 3])
async def test_a_key_whose_secret_was_lost_on_the_way_is_deleted_and_another_one_made(
    bedrock: Bedrock, driver: Driver, used: LongTermKey, losses: int
) -> None:
    bedrock.door.misdeeds = losing(losses)
    new = await driver.create(NAME, KeyMark(used.id))
    assert set(bedrock.keys) == {used.id, new.mark.id}
    assert bedrock.lives(new.secret.reveal())


async def test_a_key_that_was_made_before_a_crash_is_found_and_ended(
    bedrock: Bedrock, driver: Driver, used: LongTermKey
) -> None:
    old = KeyMark(used.id)
    assert await driver.obstacle(old) == ""
    stray = await driver.create(NAME, old)
    assert await driver.made(NAME, old) == (KeyMark(stray.mark.id, "", stray.mark.name),)
    await driver.delete(stray.mark)
    assert await driver.made(NAME, old) == ()
    bedrock.make(USER)
    assert await driver.made(NAME, KeyMark("gone")) == ()
    bedrock.keys = {used.id: used}
    assert list(bedrock.keys) == [used.id]


async def test_while_iam_gives_no_answer_nothing_is_left_that_a_later_attempt_would_not_find(
    bedrock: Bedrock, driver: Driver, used: LongTermKey
) -> None:
    bedrock.door.misdeeds = losing(9)
    with pytest.raises(RotationError, match="gave no answer") as failure:
        await driver.create(NAME, KeyMark(used.id))
    assert failure.value.passing
    bedrock.door.misdeeds = []
    assert len(bedrock.keys) == 2
    for mark in await driver.made(NAME, KeyMark(used.id)):
        await driver.delete(mark)
    new = await driver.create(NAME, KeyMark(used.id))
    assert set(bedrock.keys) == {used.id, new.mark.id}


async def test_a_provider_that_is_silent_is_given_up(
    bedrock: Bedrock, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keywright.vault.fetch.FAR", Deadlines(1, 0.02, 0.02, 0.05))
    bedrock.door.always = "silent"
    for asking in (
        driver.find(Secret("ABSKnothing")),
        driver.create(NAME, KeyMark("k", "f")),
        driver.delete(KeyMark("k", "f")),
    ):
        with pytest.raises(RotationError, match="deadline") as failure:
            await asking
        assert failure.value.passing


async def test_throttling_passes_and_a_wrong_key_does_not(bedrock: Bedrock, fetch: Fetch, used: LongTermKey) -> None:
    def of(keys: AwsKeys) -> BedrockCredentials:
        async def given() -> AwsKeys:
            return keys

        return BedrockCredentials(fetch, at(bedrock), given, USER)

    bedrock.throttled = 1
    with pytest.raises(RotationError, match=r"answered 400 \(Throttling: Rate exceeded\)") as failure:
        await of(ADMIN).all()
    assert failure.value.passing
    for token, said in ((None, r"403 \(SignatureDoesNotMatch: The signature"), (Secret("session-canary"), "403")):
        with pytest.raises(RotationError, match=f"answered {said}") as failure:
            await of(AwsKeys(ADMIN_ID, Secret("wrong-canary"), token)).all()
        assert not failure.value.passing
        assert "canary" not in str(failure.value)


async def test_without_aws_keys_nothing_is_asked(bedrock: Bedrock, fetch: Fetch, spares: Spares) -> None:
    async def none() -> AwsKeys:
        raise SecretAbsentError("there are no AWS keys")

    driver = BedrockDriver(fetch, at(bedrock), none, BedrockSettings(USER), spares)
    with pytest.raises(RotationError, match="there are no AWS keys"):
        await driver.find(Secret("ABSKnothing"))
    assert bedrock.door.asked == []


async def test_an_unknown_user_is_told(bedrock: Bedrock, fetch: Fetch, spares: Spares) -> None:
    driver = BedrockDriver(fetch, at(bedrock), admin, BedrockSettings("no+one"), spares)
    with pytest.raises(RotationError, match=r"404 \(NoSuchEntity: The user with name no\+one cannot be found"):
        await driver.find(Secret("ABSKnothing"))
    with pytest.raises(RotationError, match="id of the Bedrock key is not known"):
        await driver.delete(KeyMark())


@pytest.mark.parametrize(
    "body",
    ["", "{}", "<a>", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "<a xmlns='x'><SecretKey>canary</SecretKey></a>"],
)
async def test_an_answer_that_is_none_of_iam_s_makes_no_key(fetch: Fetch, body: str) -> None:
    async with service(lambda _: Say(body)) as running:
        credentials = BedrockCredentials(fetch, Endpoint(running.url, "us-east-1", public=False), admin, USER)
        with pytest.raises(RotationError) as failure:
            await credentials.create(None)
    assert "canary" not in str(failure.value)


@pytest.mark.parametrize(
    ("region", "environment", "expected"),
    [
        ("eu-west-1", {}, Endpoint("https://iam.amazonaws.com", "us-east-1", public=True)),
        ("cn-north-1", {}, Endpoint("https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1", public=True)),
        ("us-gov-east-1", {}, Endpoint("https://iam.us-gov.amazonaws.com", "us-gov-west-1", public=True)),
        ("eu-west-1", {"AWS_ENDPOINT_URL": "http://x"}, Endpoint("http://x", "us-east-1", public=False)),
        (
            "eu-west-1",
            {"AWS_ENDPOINT_URL": "http://x", "AWS_ENDPOINT_URL_IAM": "http://y"},
            Endpoint("http://y", "us-east-1", public=False),
        ),
        (
            "eu-west-1",
            {"AWS_ENDPOINT_URL": "http://x", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            Endpoint("https://iam.amazonaws.com", "us-east-1", public=True),
        ),
    ],
)
def test_iam_is_where_amazon_s_own_tools_look_for_it(
    region: str, environment: dict[str, str], expected: Endpoint
) -> None:
    assert endpoint(region, environment) == expected


@given(st.text(st.characters(codec="ascii", exclude_characters=":"), max_size=40), st.text(max_size=40))
def test_the_public_part_is_what_stands_before_the_colon(public: str, secret: str) -> None:
    text = b64encode(f"{public}:{secret}".encode()).decode()
    assert public_part(Secret(f"ABSK{text}")) == (public if secret.isascii() else "")


@given(st.text(min_size=1, max_size=60))
def test_any_other_text_has_no_public_part_and_raises_nothing(text: str) -> None:
    assert public_part(Secret(text)) == ""
    assert ":" not in public_part(Secret(f"ABSK{text}"))
