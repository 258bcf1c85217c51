"""`gcp-sm://project/name[/version]`: Google Secret Manager.

A version counts as what was there before when it is the one just before the latest: an older one that is still enabled
was not what the last write replaced, and must not come to light when that is forgotten.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from keywright.core.errors import SecretAbsentError, SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.backend import Value, held
from keywright.vault.reference import Reference
from keywright.vault.sdk.crc32c import crc32c
from keywright.vault.sdk.google import EXTRA, GoogleAccess, google_fault, quiet
from keywright.vault.sdk.opened import Opened
from keywright.vault.sdk.service import Question, Service
from keywright.vault.settings import StoreSettings

HOST: Final = "secretmanager.googleapis.com"
LATEST: Final = "latest"
NAMES_MAX: Final = 10_000
PAGE: Final = 250
RECENT: Final = 10
"""How many of the newest versions are looked at for the latest and the one before it."""

T = TypeVar("T")


class GcpSecretsBackend:
    """Secrets of any project that the account may see. It needs the role Secret Manager Secret Accessor; to write
    Secret Manager Secret Version Manager, and Secret Manager Admin to make a secret; to list Secret Manager Viewer.

    `resolve`: gives what a REF of `settings` names.
    """

    def __init__(
        self, settings: StoreSettings, environment: Mapping[str, str], resolve: Callable[[str], Secret]
    ) -> None:
        self._access = GoogleAccess(settings, environment, resolve)
        self._service = Service("Google Secret Manager", settings.timeout_s, google_fault)
        self._client = Opened(self._open)

    def read(self, reference: Reference) -> Value:
        """The version that is named, or else the latest. Raises SecretError."""
        version = reference.version or LATEST
        return self._ask(str(reference), lambda question: self._read(question, reference, version))

    def write(self, reference: Reference, secret: Secret) -> str:
        """The number of the version that is the latest now. Raises SecretError."""
        if why := self.read_only(reference):
            raise SecretReadOnlyError(why)
        return self._ask(str(reference), lambda question: self._write(question, reference, secret))

    def previous(self, reference: Reference) -> Value:
        """The version before the latest. Raises SecretError."""
        return self._ask(str(reference), lambda question: self._previous(question, reference))

    def forget(self, reference: Reference) -> None:
        """Destroy the version before the latest, for ever. Raises SecretError."""
        self._ask(str(reference), lambda question: self._forget(question, reference))

    def read_only(self, reference: Reference) -> str:
        """One version is named."""
        return f"{reference} names one version, which never changes: write without it" if reference.version else ""

    def names(self) -> tuple[Reference, ...]:
        """The secrets of the project that the environment or the credential names. Raises SecretError."""
        project = self._access.project()
        if not project:
            raise SecretReadOnlyError("gcp-sm:// is not listed: which project is not known; set GOOGLE_CLOUD_PROJECT")
        names = self._ask(f"gcp-sm://{project}", lambda question: self._names(question, project))
        return tuple(Reference("gcp-sm", f"{project}/{name}") for name in sorted(names))

    def close(self) -> None:
        """Close the connections."""
        self._client.close(lambda client: client.transport.close())

    def _ask(self, about: str, work: Callable[[Question], T]) -> T:
        self._client()  # it takes its time and asks nobody
        return self._service.ask(about, work)

    def _open(self) -> Any:
        try:
            from google.cloud.secretmanager_v1 import SecretManagerServiceClient  # noqa: PLC0415
            from google.cloud.secretmanager_v1.services.secret_manager_service.transports.rest import (  # noqa: PLC0415
                SecretManagerServiceRestTransport,
            )
        except ImportError:
            raise SecretError(EXTRA) from None
        quiet()
        return SecretManagerServiceClient(transport=self._access.transport(SecretManagerServiceRestTransport, HOST))

    def _read(self, question: Question, reference: Reference, version: str) -> Value:
        def access(left_s: float) -> Any:
            name = f"{_place(reference)}/versions/{version}"
            return self._client().access_secret_version(request={"name": name}, retry=None, timeout=left_s)

        found = question.request("AccessSecretVersion", access)
        data = bytes(found.payload.data)
        if "data_crc32c" in found.payload and found.payload.data_crc32c != crc32c(data):
            raise SecretError(f"{reference} was damaged on its way: its checksum is another's")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise SecretError(f"{reference} is not UTF-8 text") from None
        return Value(held(reference, text), str(found.name).rpartition("/")[2])

    def _write(self, question: Question, reference: Reference, secret: Secret) -> str:
        try:
            now = self._read(question, reference, LATEST)
        except SecretAbsentError:
            self._create(question, reference)
        else:
            if now.secret == secret:
                return now.version
        data = secret.reveal().encode()
        payload = {"data": data, "data_crc32c": crc32c(data)}

        def add(left_s: float) -> Any:
            wanted = {"parent": _place(reference), "payload": payload}
            return self._client().add_secret_version(request=wanted, retry=None, timeout=left_s)

        # Once: a second one after an answer that was lost would be the version before itself.
        return str(question.request("AddSecretVersion", add, attempts_max=1).name).rpartition("/")[2]

    def _create(self, question: Question, reference: Reference) -> None:
        """Make the secret where there is none; one without a version that can be read is left as it is."""

        def get(left_s: float) -> Any:
            return self._client().get_secret(request={"name": _place(reference)}, retry=None, timeout=left_s)

        def create(left_s: float) -> Any:
            project, _, name = reference.name.partition("/")
            wanted = {"parent": f"projects/{project}", "secret_id": name, "secret": {"replication": {"automatic": {}}}}
            return self._client().create_secret(request=wanted, retry=None, timeout=left_s)

        try:
            question.request("GetSecret", get)
        except SecretAbsentError:
            question.request("CreateSecret", create, attempts_max=1)

    def _previous(self, question: Question, reference: Reference) -> Value:
        version = self._before(question, reference)
        if version is None:
            raise SecretAbsentError(f"{reference} has no previous value")
        return self._read(question, reference, version)

    def _forget(self, question: Question, reference: Reference) -> None:
        try:
            version = self._before(question, reference)
        except SecretAbsentError:
            return
        if version is None:
            return

        def destroy(left_s: float) -> Any:
            name = f"{_place(reference)}/versions/{version}"
            return self._client().destroy_secret_version(request={"name": name}, retry=None, timeout=left_s)

        question.request("DestroySecretVersion", destroy)

    def _before(self, question: Question, reference: Reference) -> str | None:
        """The number of the version before the latest; None when there is none, or it cannot be read."""

        def list_versions(left_s: float) -> Any:
            wanted = {"parent": _place(reference), "page_size": RECENT}
            page = self._client().list_secret_versions(request=wanted, retry=None, timeout=left_s)
            return next(iter(page.pages)).versions

        found = question.request("ListSecretVersions", list_versions)
        newest = sorted(found, key=lambda version: int(str(version.name).rpartition("/")[2]), reverse=True)
        if len(newest) < 2 or newest[1].state.name != "ENABLED":
            return None
        return str(newest[1].name).rpartition("/")[2]

    def _names(self, question: Question, project: str) -> list[str]:
        names: list[str] = []
        token = ""

        def page(left_s: float) -> Any:
            wanted = {"parent": f"projects/{project}", "page_size": PAGE, "page_token": token}
            return next(iter(self._client().list_secrets(request=wanted, retry=None, timeout=left_s).pages))

        while True:
            found = question.request("ListSecrets", page)
            names += [str(secret.name).rpartition("/")[2] for secret in found.secrets]
            if len(names) > NAMES_MAX:
                raise SecretError(f"gcp-sm://{project} has more than {NAMES_MAX} secrets, which are not listed")
            token = found.next_page_token
            if not token:
                return names


def _place(reference: Reference) -> str:
    project, _, name = reference.name.partition("/")
    return f"projects/{project}/secrets/{name}"
