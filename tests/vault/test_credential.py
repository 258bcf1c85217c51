"""Credentials apply themselves and show nothing."""

import copy
import pickle

import msgspec
import pytest

from keywright.core.secret import Secret, SecretLeakError
from keywright.vault.credential import BearerCredential, Credential, HeaderCredential, NoCredential

CANARY = "sk-canary-5f1d0c9e7b"
SECRET = Secret(CANARY)
KEYED: list[HeaderCredential] = [BearerCredential("openai", SECRET), HeaderCredential("anthropic", "x-api-key", SECRET)]


def test_a_credential_adds_its_header_to_the_others() -> None:
    others = ((b"content-type", b"application/json"),)
    bearer, header = KEYED
    assert bearer.apply(others) == (*others, (b"authorization", b"Bearer " + CANARY.encode()))
    assert header.apply(others) == (*others, (b"x-api-key", CANARY.encode()))
    assert NoCredential("local").apply(others) == others
    assert others == ((b"content-type", b"application/json"),)


@pytest.mark.parametrize("credential", KEYED)
def test_a_credential_shows_its_name_and_fingerprint_only(credential: HeaderCredential) -> None:
    assert credential.fingerprint == SECRET.fingerprint
    for shown in (repr(credential), str(credential), f"{credential}", "%s" % credential, repr([credential])):  # noqa: UP031
        assert CANARY not in shown
        assert SECRET.fingerprint in shown
        assert credential.name in shown


@pytest.mark.parametrize("credential", KEYED)
def test_a_credential_cannot_be_copied_or_written_down(credential: HeaderCredential) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(SecretLeakError):
            pickle.dumps(credential, protocol)
    for copier in (copy.copy, copy.deepcopy):
        with pytest.raises(SecretLeakError):
            copier(credential)
    with pytest.raises(TypeError):
        msgspec.json.encode(credential)
    with pytest.raises(TypeError):
        vars(credential)


def test_no_credential_has_no_fingerprint() -> None:
    credential: Credential = NoCredential("local")
    assert credential.fingerprint == ""
    assert repr(credential) == "<no credential local>"
