"""`aws-sm://name[?stage=STAGE][?version=ID][#field]`: AWS Secrets Manager.

A new value is written in two steps, because the service has no "put, if it is still what I read": it is put as a
version under a label of our own, and AWSCURRENT is moved from the version that was read to the new one. The move fails
when somebody else has moved it in between, and nothing is lost: their value stays, ours is a version without effect,
and is made anew from theirs. The version's id is made of the name, of the version that was read, and of what is
written, so that a write which is repeated after its answer was lost finds itself.

What is forgotten loses its label AWSPREVIOUS. AWS then deletes the version in its own time; until then, who may read
the secret and knows the version's id can still read it.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, TypeVar

import msgspec

from keywright.core.errors import SecretAbsentError, SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backend import Value, held
from keywright.vault.reference import Reference
from keywright.vault.sdk.aws import AwsClients, aws_fault
from keywright.vault.sdk.service import Question, Service
from keywright.vault.settings import StoreSettings

CURRENT: Final = "AWSCURRENT"
PREVIOUS: Final = "AWSPREVIOUS"
WRITTEN: Final = "KEYWRIGHT"
"""The label of what we have put last, whether it became current or not."""

NAMES_MAX: Final = 10_000
PAGE: Final = 100
WRITES_MAX: Final = 8
"""How often a write is begun before others have won every race."""

T = TypeVar("T")


class AwsSecretsBackend:
    """Secrets of one account. The identity needs `secretsmanager:` GetSecretValue; to write PutSecretValue,
    UpdateSecretVersionStage, DescribeSecret and CreateSecret; to list ListSecrets; and `kms:Decrypt` and
    `kms:GenerateDataKey` where a secret has a key of its own.
    """

    def __init__(self, settings: StoreSettings, environment: Mapping[str, str]) -> None:
        self._clients = AwsClients("secretsmanager", "SECRETS_MANAGER", settings, environment)
        self._service = Service("AWS Secrets Manager", settings.timeout_s, aws_fault)

    def read(self, reference: Reference) -> Value:
        """The secret, or its field. Raises SecretError."""
        return self._ask(reference, lambda question: self._read(question, reference, reference.stage))

    def write(self, reference: Reference, secret: Secret) -> str:
        """The id of the version that is current now. Other fields stay. Raises SecretError."""
        if why := self.read_only(reference):
            raise SecretReadOnlyError(why)
        return self._ask(reference, lambda question: self._write(question, reference, secret))

    def previous(self, reference: Reference) -> Value:
        """What has the label AWSPREVIOUS. Raises SecretError."""
        plain = Reference(reference.kind, reference.name, reference.store, reference.field)
        return self._ask(reference, lambda question: self._read(question, plain, PREVIOUS))

    def forget(self, reference: Reference) -> None:
        """Take the label AWSPREVIOUS from the version that has it. Raises SecretError."""
        self._ask(reference, lambda question: self._forget(question, reference))

    def read_only(self, reference: Reference) -> str:
        """One version is named."""
        if not reference.version and not reference.stage:
            return ""
        return f"{reference} names one version, which never changes: write without ?stage and ?version"

    def names(self) -> tuple[Reference, ...]:
        """The account's secrets in this region. Raises SecretError."""
        return tuple(Reference("aws-sm", name) for name in sorted(self._ask(Reference("aws-sm", ""), self._names)))

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()

    def _ask(self, reference: Reference, work: Callable[[Question], T]) -> T:
        self._clients.open(reference.name)
        return self._service.ask(str(reference), work)

    def _read(self, question: Question, reference: Reference, stage: str) -> Value:
        found = self._get(question, reference, stage)
        text = _text(reference, found)
        version = str(found.get("VersionId", ""))
        if not reference.field:
            return Value(held(reference, text), version)
        fields = _fields(reference, text)
        value = fields.get(reference.field)
        if value is None:
            named = ", ".join(sorted(fields)) or "none"
            raise SecretAbsentError(f"{reference} is not there: the secret has no such field; it has {named}")
        return Value(held(reference, _word(reference, value)), version)

    def _get(self, question: Question, reference: Reference, stage: str) -> Any:
        wanted = {"SecretId": reference.name}
        if reference.version:
            wanted["VersionId"] = reference.version
        if stage or not reference.version:
            wanted["VersionStage"] = stage or CURRENT
        return self._request(question, reference.name, "GetSecretValue", wanted)

    def _write(self, question: Question, reference: Reference, secret: Secret) -> str:
        for _ in range(WRITES_MAX):
            version = self._tried(question, reference, secret)
            if version:
                return version
        raise SecretError(f"{reference} was not written: others write it all the time")

    def _tried(self, question: Question, reference: Reference, secret: Secret) -> str:
        """The version that is current now; "" when somebody else wrote at the same time, and nothing has happened."""
        try:
            found = self._get(question, reference, "")
        except SecretAbsentError:
            return self._create(question, reference, secret)
        before, basis = _text(reference, found), str(found["VersionId"])
        text = _merged(reference, before, secret)
        if text == before:
            return basis
        token = _token(reference.name, basis, text)
        put = {"SecretId": reference.name, "SecretString": text, "ClientRequestToken": token}
        self._request(question, reference.name, "PutSecretValue", {**put, "VersionStages": [WRITTEN]})
        move = {"MoveToVersionId": token, "RemoveFromVersionId": basis, "VersionStage": CURRENT}
        try:
            self._request(question, reference.name, "UpdateSecretVersionStage", {"SecretId": reference.name, **move})
        except SecretError:
            # A repeated move finds the label gone from where it was: what is current now tells whether it was ours.
            current = str(self._get(question, reference, "")["VersionId"])
            if current == basis:
                raise
            if current != token:
                return ""
        return token

    def _create(self, question: Question, reference: Reference, secret: Secret) -> str:
        if reference.name.startswith("arn:"):
            raise SecretAbsentError(f"{reference} is not there, and a secret cannot be made under an ARN: give a name")
        text = _merged(reference, "{}" if reference.field else "", secret)
        wanted = {"Name": reference.name, "SecretString": text, "ClientRequestToken": _token(reference.name, "", text)}
        try:
            return str(self._request(question, reference.name, "CreateSecret", wanted)["VersionId"])
        except SecretError as error:
            try:
                self._get(question, reference, "")
            except SecretError:
                raise error from None
            return ""

    def _forget(self, question: Question, reference: Reference) -> None:
        try:
            found = self._request(question, reference.name, "DescribeSecret", {"SecretId": reference.name})
        except SecretAbsentError:
            return
        for version, stages in found.get("VersionIdsToStages", {}).items():
            if PREVIOUS in stages:
                move = {"SecretId": reference.name, "VersionStage": PREVIOUS, "RemoveFromVersionId": version}
                self._request(question, reference.name, "UpdateSecretVersionStage", move)

    def _names(self, question: Question) -> list[str]:
        names: list[str] = []
        wanted: dict[str, object] = {"MaxResults": PAGE}
        while True:
            page = self._request(question, "", "ListSecrets", wanted)
            names += [str(secret["Name"]) for secret in page.get("SecretList", [])]
            if len(names) > NAMES_MAX:
                raise SecretError(f"aws-sm:// has more than {NAMES_MAX} secrets, which are not listed")
            if not page.get("NextToken"):
                return names
            wanted["NextToken"] = page["NextToken"]

    def _request(self, question: Question, name: str, operation: str, wanted: Mapping[str, object]) -> Any:
        return question.request(operation, lambda _: self._clients.ask(name, operation, wanted))


def _text(reference: Reference, found: Any) -> str:
    text = found.get("SecretString")
    if not isinstance(text, str):
        raise SecretError(f"{reference} holds bytes (SecretBinary) where a secret's text should be (SecretString)")
    return text


def _fields(reference: Reference, text: str) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeError):
        # From None: the decoder's error may show a part of the text.
        raise SecretError(
            f"{reference} names a field, and the secret is not a JSON object; leave #{reference.field} away to have it "
            "whole"
        ) from None


def _word(reference: Reference, value: msgspec.Raw) -> str:
    try:
        return msgspec.json.decode(value, type=str)
    except (msgspec.DecodeError, UnicodeError):
        raise SecretError(f"{reference} is a field whose value is not a string") from None


def _merged(reference: Reference, before: str, secret: Secret) -> str:
    """The secret's new text: `before` with the field in it replaced, or all of it."""
    if not reference.field:
        return secret.reveal()
    fields = _fields(reference, before)
    held_now = fields.get(reference.field)
    if held_now is not None and msgspec.json.decode(held_now) == secret.reveal():
        return before
    fields[reference.field] = msgspec.Raw(msgspec.json.encode(secret.reveal()))
    return msgspec.json.encode(fields).decode()


def _token(name: str, basis: str, text: str) -> str:
    """The id of the version that `text` becomes. It cannot be guessed back: `text` holds a provider's key."""
    return sha256("\n".join((name, basis, text)).encode()).hexdigest()[:40]
