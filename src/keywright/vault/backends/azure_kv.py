"""`azure-kv://vault/name[/version]`: Azure Key Vault.

Its versions have no order but the second in which they were made. What we write carries the version that it replaced,
as a tag; where somebody else wrote, the second decides.

Key Vault cannot delete one version of a secret. What is forgotten is disabled: it cannot be read until somebody who may
change the secret enables it again. To have it gone, delete and purge the secret.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from keywright.core.errors import SecretAbsentError, SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backend import Value, held
from keywright.vault.reference import Reference
from keywright.vault.sdk.azure import EXTRA, AzureAccess, azure_fault
from keywright.vault.sdk.opened import Opened
from keywright.vault.sdk.service import Question, Service
from keywright.vault.settings import StoreSettings

REPLACED: Final = "keywright-replaced"
"""The tag that names the version which this one replaced."""

NAMES_MAX: Final = 10_000
VERSIONS_MAX: Final = 1000

T = TypeVar("T")


class AzureSecretsBackend:
    """Secrets of any vault that the identity may see. It needs the role Key Vault Secrets User; to write, Key Vault
    Secrets Officer.

    `resolve`: gives what a REF of `settings` names.
    """

    def __init__(
        self, settings: StoreSettings, environment: Mapping[str, str], resolve: Callable[[str], Secret]
    ) -> None:
        self._access = AzureAccess(settings, environment, resolve)
        self._service = Service("Azure Key Vault", settings.timeout_s, azure_fault)
        self._clients: dict[str, Opened] = {}

    def read(self, reference: Reference) -> Value:
        """The version that is named, or else the current one. Raises SecretError."""
        return self._ask(reference, lambda question: self._read(question, reference))

    def write(self, reference: Reference, secret: Secret) -> str:
        """The version that is current now. The secret's tags and content type stay. Raises SecretError."""
        if why := self.read_only(reference):
            raise SecretReadOnlyError(why)
        return self._ask(reference, lambda question: self._write(question, reference, secret))

    def previous(self, reference: Reference) -> Value:
        """The version before the current one. Raises SecretError."""
        return self._ask(reference, lambda question: self._previous(question, reference))

    def forget(self, reference: Reference) -> None:
        """Disable the version before the current one. Raises SecretError."""
        self._ask(reference, lambda question: self._forget(question, reference))

    def read_only(self, reference: Reference) -> str:
        """One version is named."""
        return f"{reference} names one version, which never changes: write without it" if reference.version else ""

    def names(self) -> tuple[Reference, ...]:
        """The secrets of the vault whose `endpoint` is configured. Raises SecretError."""
        endpoint = self._access.settings.endpoint
        if not endpoint:
            raise SecretReadOnlyError("azure-kv:// is not listed: which vault is not known; write its endpoint")
        vault = (urlsplit(endpoint).hostname or "").partition(".")[0]
        names = self._ask(Reference("azure-kv", f"{vault}/"), lambda question: self._names(question, vault))
        return tuple(Reference("azure-kv", f"{vault}/{name}") for name in sorted(names))

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close(lambda opened: opened.close())

    def _ask(self, reference: Reference, work: Callable[[Question], T]) -> T:
        self._client(reference)  # it takes its time and asks nobody
        return self._service.ask(str(reference), work)

    def _client(self, reference: Reference) -> Any:
        vault = reference.name.partition("/")[0]
        return self._clients.setdefault(vault, Opened(lambda: self._open(vault)))()

    def _open(self, vault: str) -> Any:
        try:
            from azure.keyvault.secrets import SecretClient  # noqa: PLC0415  # only who uses Azure loads it
        except ImportError:
            raise SecretError(EXTRA) from None
        return self._access.client(SecretClient, self._access.url(vault), vault=vault)

    def _read(self, question: Question, reference: Reference) -> Value:
        found = self._get(question, reference, reference.version)
        return Value(held(reference, found.value or ""), str(found.properties.version))

    def _get(self, question: Question, reference: Reference, version: str) -> Any:
        def get(left_s: float) -> Any:
            return self._client(reference).get_secret(_name(reference), version or None, **_within(left_s))

        return question.request("secrets/get", get)

    def _write(self, question: Question, reference: Reference, secret: Secret) -> str:
        tags: dict[str, str] = {}
        kind = None
        try:
            now = self._get(question, reference, "")
        except SecretAbsentError:
            pass
        else:
            if now.value == secret.reveal():
                return str(now.properties.version)
            tags = {**(now.properties.tags or {}), REPLACED: str(now.properties.version)}
            kind = now.properties.content_type

        def put(left_s: float) -> Any:
            client = self._client(reference)
            return client.set_secret(_name(reference), secret.reveal(), tags=tags, content_type=kind, **_within(left_s))

        # Once: a second one after an answer that was lost would be the version before itself.
        return str(question.request("secrets/set", put, attempts_max=1).properties.version)

    def _previous(self, question: Question, reference: Reference) -> Value:
        version = self._before(question, reference)
        if not version:
            raise SecretAbsentError(f"{reference} has no previous value")
        found = self._get(question, reference, version)
        return Value(held(reference, found.value or ""), version)

    def _forget(self, question: Question, reference: Reference) -> None:
        try:
            version = self._before(question, reference)
        except SecretAbsentError:
            return
        if not version:
            return

        def disable(left_s: float) -> Any:
            client = self._client(reference)
            return client.update_secret_properties(_name(reference), version, enabled=False, **_within(left_s))

        question.request("secrets/set", disable)

    def _before(self, question: Question, reference: Reference) -> str:
        """The version that the current one replaced; "" when there is none."""
        now = self._get(question, reference, "").properties
        tagged = (now.tags or {}).get(REPLACED)
        if tagged and tagged != now.version:
            return str(tagged)

        def versions(left_s: float) -> list[Any]:
            pages = self._client(reference).list_properties_of_secret_versions(_name(reference), **_within(left_s))
            return _bounded(
                f"there are more than {VERSIONS_MAX} versions, which are not looked through", pages, VERSIONS_MAX
            )

        found = question.request("secrets/list", versions)
        older = [one for one in found if one.version != now.version and one.created_on <= now.created_on]
        return str(max(older, key=lambda one: one.created_on).version) if older else ""

    def _names(self, question: Question, vault: str) -> list[str]:
        def names(left_s: float) -> list[Any]:
            place = Reference("azure-kv", f"{vault}/")
            pages = self._client(place).list_properties_of_secrets(**_within(left_s))
            return _bounded(f"there are more than {NAMES_MAX} secrets, which are not listed", pages, NAMES_MAX)

        return [str(one.name) for one in question.request("secrets/list", names)]


def _bounded(message: str, items: Any, items_max: int) -> list[Any]:
    found = []
    for item in items:
        found.append(item)
        if len(found) > items_max:
            raise SecretError(message)
    return found


def _name(reference: Reference) -> str:
    return reference.name.partition("/")[2]


def _within(left_s: float) -> dict[str, float]:
    return {"connection_timeout": left_s, "read_timeout": left_s}
