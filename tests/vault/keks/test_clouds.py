"""Keys of the clouds' key management services wrap for one context, and say what fails without showing anything."""

from collections.abc import Callable
from functools import partial
from secrets import token_bytes
from time import monotonic
from typing import Any

import pytest

from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretError
from keywright.vault.kek import CONTEXT_BYTES, DATA_KEY_BYTES, WRAPPED_BYTES_MAX, Kek
from tests.vault.cloud.google import Google
from tests.vault.conformance.place import Fault
from tests.vault.conformance.places.aws import client
from tests.vault.keks.conftest import Cloud

pytestmark = pytest.mark.xdist_group("moto")

HASTY_S = 0.3
CONTEXT = b"\xc3" * CONTEXT_BYTES
FAULTS: dict[Fault, tuple[type[SecretError], str]] = {
    "kill": (SecretError, "cannot be reached"),
    "throttle": (SecretError, "ask too often"),
    "deny": (SecretDeniedError, "does not let us"),
}


def both(kek: Kek, wrapped: bytes, data_key: bytes = bytes(DATA_KEY_BYTES)) -> tuple[Callable[[], bytes], ...]:
    """To be asked to wrap, and to unwrap."""
    return partial(kek.wrap, data_key, CONTEXT), partial(kek.unwrap, wrapped, CONTEXT)


def test_what_was_wrapped_is_unwrapped_for_the_same_context_only(cloud: Cloud) -> None:
    kek, data_key = cloud.kek(), token_bytes(DATA_KEY_BYTES)
    wrapped = kek.wrap(data_key, CONTEXT)
    assert data_key not in wrapped
    assert len(wrapped) <= WRAPPED_BYTES_MAX
    assert kek.id == cloud.id
    assert cloud.kek().unwrap(wrapped, CONTEXT) == data_key
    damaged = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for given, context in ((wrapped, bytes(CONTEXT_BYTES)), (damaged, CONTEXT), (wrapped[:20], CONTEXT)):
        with pytest.raises(SecretError) as refused:
            kek.unwrap(given, context)
        assert data_key.hex() not in str(refused.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_service_in_trouble_is_named_with_what_is_amiss_and_is_asked_again(cloud: Cloud, fault: Fault) -> None:
    kek, data_key = cloud.kek(), token_bytes(DATA_KEY_BYTES)
    wrapped = kek.wrap(data_key, CONTEXT)
    error, said = FAULTS[fault]
    cloud.standing.strike(fault)
    try:
        for asking in both(kek, wrapped, data_key):
            with pytest.raises(error, match=said) as failed:
                asking()
            assert cloud.key.partition("://")[0] in str(failed.value)
            for canary in (*cloud.place.canaries, data_key.hex(), "sk-canary"):
                assert canary not in str(failed.value)
    finally:
        cloud.standing.heal(fault)
    assert kek.unwrap(wrapped, CONTEXT) == data_key


def test_a_service_that_takes_too_long_is_given_up(cloud: Cloud) -> None:
    kek, wrapped = cloud.kek(timeout_s=HASTY_S), cloud.kek().wrap(bytes(DATA_KEY_BYTES), CONTEXT)
    cloud.standing.strike("slow")
    try:
        began_s = monotonic()
        for asking in both(kek, wrapped):
            with pytest.raises(SecretError, match=f"gave no answer within {HASTY_S:g} s"):
                asking()
        assert monotonic() - began_s < 10
    finally:
        cloud.standing.heal("slow")


@pytest.mark.parametrize("kind", ["aws_kms", "azure_key"])
def test_a_key_that_is_not_there_is_told_as_absent(kind: str, request: pytest.FixtureRequest) -> None:
    cloud: Cloud = request.getfixturevalue(kind)
    with pytest.raises(SecretAbsentError, match=r"is not there"):
        cloud.kek(cloud.absent).wrap(bytes(DATA_KEY_BYTES), CONTEXT)


def test_amazon_s_key_is_known_by_its_arn_however_it_is_named(aws_kms: Cloud) -> None:
    arn = aws_kms.id.removeprefix("aws-kms://")
    account = arn.rpartition(":key/")[0]
    for name in (arn.rpartition("/")[2], f"{account}:alias/keywright", "alias/keywright"):
        assert aws_kms.kek(f"aws-kms://{name}").id == aws_kms.id
    asked = len(aws_kms.standing.received)
    assert aws_kms.kek(aws_kms.id).id == aws_kms.id
    assert len(aws_kms.standing.received) == asked, "an ARN of a key says all"


def test_amazon_s_key_is_asked_in_the_region_that_its_arn_names(aws_kms: Cloud) -> None:
    elsewhere = aws_kms.id.replace("eu-west-1", "us-west-2")
    with pytest.raises(SecretError):
        aws_kms.kek(elsewhere).wrap(bytes(DATA_KEY_BYTES), CONTEXT)
    assert "/us-west-2/kms/" in aws_kms.standing.received[-1].headers["authorization"]
    with pytest.raises(SecretError, match="names no region"):
        aws_kms.kek("aws-kms://arn:aws:kms::1:key/2").wrap(bytes(DATA_KEY_BYTES), CONTEXT)


def test_an_alias_that_was_moved_means_another_key(aws_kms: Cloud, moto: str) -> None:
    kms: Any = client(moto, "kms")
    first, second = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    kms.create_alias(AliasName="alias/moved", TargetKeyId=first)
    before, data_key = aws_kms.kek("aws-kms://alias/moved"), token_bytes(DATA_KEY_BYTES)
    wrapped = before.wrap(data_key, CONTEXT)
    kms.update_alias(AliasName="alias/moved", TargetKeyId=second)
    after = aws_kms.kek("aws-kms://alias/moved")
    assert (before.id, after.id) == (f"aws-kms://{first}", f"aws-kms://{second}")
    assert before.unwrap(wrapped, CONTEXT) == data_key


def test_google_s_answers_are_checked_for_damage_on_the_way(gcp_kms: Cloud) -> None:
    google, kek = gcp_kms.standing.handler, gcp_kms.kek()
    assert isinstance(google, Google)
    wrapped = kek.wrap(bytes(DATA_KEY_BYTES), CONTEXT)
    google.damage = lambda data: data[::-1] + b"\x00"
    try:
        for asking in both(kek, wrapped):
            with pytest.raises(SecretError, match="damaged on its way"):
                asking()
    finally:
        google.damage = bytes


def test_azure_s_newest_version_wraps_unless_one_is_written_and_each_unwraps_its_own(azure_key: Cloud) -> None:
    versions = azure_key.place.azure.key_versions  # type: ignore[union-attr]
    newest, pinned = azure_key.kek(), azure_key.kek(f"{azure_key.key}/v1")
    assert newest.id == pinned.id == azure_key.id
    first = newest.wrap(bytes(DATA_KEY_BYTES), CONTEXT)
    versions.append("v2")
    try:
        wrapped = {"v1": pinned.wrap(bytes(DATA_KEY_BYTES), CONTEXT), "v2": newest.wrap(bytes(DATA_KEY_BYTES), CONTEXT)}
        assert {version: text.partition(b".")[0].decode() for version, text in wrapped.items()} == {
            "v1": "v1",
            "v2": "v2",
        }
        for text in (first, *wrapped.values()):
            for kek in (newest, pinned):
                assert kek.unwrap(text, CONTEXT) == bytes(DATA_KEY_BYTES)
    finally:
        versions.pop()
    for damaged in (b"", b"v1.", b"../v1." + first, b"x" * 65 + b".abc"):
        with pytest.raises(SecretError, match="its data key is damaged"):
            newest.unwrap(damaged, CONTEXT)
