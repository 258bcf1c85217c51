"""boto3's clients: which keys they sign with, where they ask, and what their failures mean.

A session of botocore reads the environment of the process and the files of its user. Here it is given another
environment, and keys that `vault.aws` obtained.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final

from keywright.core.clock import SECOND_US, SYSTEM_CLOCK
from keywright.core.errors import SecretError
from keywright.core.http import is_label
from keywright.vault.aws.credential import aws_keys
from keywright.vault.aws.source import AwsSettings, plan_aws
from keywright.vault.home import home_path
from keywright.vault.sdk.proxy import proxy_for
from keywright.vault.sdk.service import Fault, fault_of_status
from keywright.vault.sdk.upstreams import asked
from keywright.vault.settings import StoreSettings

STANDING_S: Final = 1200
"""Keys that do not run out are looked for anew: botocore asks 15 minutes before this is over."""

CONNECTIONS_MAX: Final = 8

_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "KMSAccessDeniedException",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
_THROTTLED: Final = frozenset(
    {"LimitExceededException", "RequestLimitExceeded", "ThrottledException", "Throttling", "ThrottlingException"}
    | {"TooManyRequestsException", "SlowDown", "RequestThrottled", "ProvisionedThroughputExceededException"}
)
_ABSENT: Final = frozenset({"ResourceNotFoundException", "NotFoundException"})
_DOWN: Final = frozenset(
    {"InternalServiceError", "InternalFailure", "ServiceUnavailable", "KMSInternalException"}
    | {"DependencyTimeoutException", "KeyUnavailableException", "RequestTimeout", "RequestTimeoutException"}
)


class AwsClients:
    """Clients of one of Amazon's services, one for each region, made when first asked for. They may be shared by
    threads. `service`: as botocore names it; `variable`: how the environment's `AWS_ENDPOINT_URL_…` ends for it.
    """

    def __init__(self, service: str, variable: str, settings: StoreSettings, environment: Mapping[str, str]) -> None:
        self._service = service
        self._variable = variable
        self._settings = settings
        self._environment = environment
        self._lock = Lock()
        self._clients: dict[str, Any] = {}

    def open(self, name: str) -> None:
        """Make the client for `name`, which takes its time and asks nobody. Raises SecretError as `ask` does."""
        self._of(_region_of(name))

    def ask(self, name: str, operation: str, wanted: Mapping[str, object]) -> Any:
        """What `operation` answers, which is named as Amazon names it, in the region that `name` is in where that is an
        ARN, or else in the one that is configured.

        Raises:
            SecretError: the extra is missing, or there is no region, or no way to keys.
            Exception: botocore's, which `aws_fault` reads.
        """
        client = self._of(_region_of(name))
        method = next(method for method, found in client.meta.method_to_api_mapping.items() if found == operation)
        return getattr(client, method)(**wanted)

    def close(self) -> None:
        """Close the connections of all."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _of(self, region: str) -> Any:
        with self._lock:
            client = self._clients.get(region)
            if client is None:
                client = self._clients[region] = self._open(region)
            return client

    def _open(self, region: str) -> Any:
        said = self._settings
        settings = AwsSettings(region or said.region or "", said.profile or "", said.role_arn or "")
        region = plan_aws(settings, self._environment).region
        botocore = _sdk()
        session = botocore.session.Session()
        _isolate(botocore, session, self._environment, said.profile)
        session.register_component("credential_provider", _Keys(botocore, settings, self._environment))
        endpoint = said.endpoint or self._written()
        proxy = proxy_for(endpoint or f"https://{self._service}.{region}.amazonaws.com", self._environment)
        return session.create_client(
            self._service,
            region_name=region,
            endpoint_url=endpoint,
            verify=self._environment.get("AWS_CA_BUNDLE") or None,
            config=botocore.config.Config(
                connect_timeout=said.timeout_s,
                read_timeout=said.timeout_s,
                retries={"total_max_attempts": 1, "mode": "standard"},
                max_pool_connections=CONNECTIONS_MAX,
                proxies={"http": proxy, "https": proxy} if proxy else {},
                ignore_configured_endpoint_urls=True,
            ),
        )

    def _written(self) -> str | None:
        """The address that the environment gives in place of Amazon's."""
        if self._environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
            return None
        own = self._environment.get(f"AWS_ENDPOINT_URL_{self._variable}")
        return own or self._environment.get("AWS_ENDPOINT_URL") or None


class _Keys:
    """What botocore asks for credentials: ours, renewed by going the whole way again."""

    def __init__(self, botocore: Any, settings: AwsSettings, environment: Mapping[str, str]) -> None:
        self._botocore = botocore
        self._settings = settings
        self._environment = environment

    def load_credentials(self) -> Any:
        """Credentials that ask nobody yet."""
        kind = self._botocore.credentials.DeferredRefreshableCredentials
        return kind(refresh_using=self._obtain, method="keywright")

    def _obtain(self) -> dict[str, str | None]:
        keys, _ = asked(self._environment, lambda fetch: aws_keys(self._settings, self._environment, fetch))
        expires_s = keys.expires_s or SYSTEM_CLOCK.unix_us() / SECOND_US + STANDING_S
        return {
            "access_key": keys.access_key_id,
            "secret_key": keys.secret_access_key.reveal(),
            "token": keys.token.reveal() if keys.token else None,
            "expiry_time": datetime.fromtimestamp(expires_s, UTC).isoformat(),
        }


def aws_fault(error: Exception) -> Fault:
    """What an exception of botocore's means."""
    botocore = _sdk()
    exceptions = botocore.exceptions
    if isinstance(error, exceptions.ClientError):
        return _answered(error)
    if isinstance(error, exceptions.ReadTimeoutError | exceptions.ConnectTimeoutError):
        return Fault("slow", type(error).__name__)
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError | exceptions.ResponseStreamingError):
        return Fault("down", type(error).__name__)
    return Fault("refused", type(error).__name__)


def _answered(error: Any) -> Fault:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in _ABSENT:
        return Fault("absent", code)
    if code in _DENIED:
        return Fault("denied", code)
    if code in _THROTTLED:
        return Fault("throttled", code)
    if code in _DOWN:
        return Fault("down", code)
    # One code for all that a secret's state forbids; that it is to be deleted, only the text says.
    if code == "InvalidRequestException" and "delet" in str(error.response["Error"].get("Message", "")):
        return Fault("absent", "scheduled.for.deletion")
    return fault_of_status(status if isinstance(status, int) else 400, "" if code.isdigit() else code)


def _region_of(name: str) -> str:
    """The region that an ARN names, "" for what is none."""
    parts = name.split(":", 4)
    if len(parts) < 5 or parts[0] != "arn":
        return ""
    if not is_label(parts[3]):
        raise SecretError("the ARN names no region")
    return parts[3]


def _isolate(botocore: Any, session: Any, environment: Mapping[str, str], profile: str | None) -> None:
    """Let `session` look for its settings in `environment` instead of the process's."""
    provider = botocore.configprovider
    file = str(home_path(environment, environment.get("AWS_CONFIG_FILE") or "~/.aws/config"))
    shared = str(home_path(environment, environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"))
    given = {**environment, "AWS_CONFIG_FILE": file, "AWS_SHARED_CREDENTIALS_FILE": shared}
    chains = provider.ConfigChainFactory(session, given)
    store = session.get_component("config_store")
    for name, (written, variables, default, convert) in provider.BOTOCORE_DEFAUT_SESSION_VARIABLES.items():
        store.set_config_provider(name, chains.create_config_chain(name, variables, written, default, convert))
    if profile:
        session.set_config_variable("profile", profile)


def _sdk() -> Any:
    """botocore. Its own log at DEBUG shows whole answers, and secrets in them.

    Raises:
        SecretError: it is not installed.
    """
    try:
        import botocore.config  # noqa: PLC0415  # only who uses Amazon's services loads it
        import botocore.configprovider  # noqa: PLC0415
        import botocore.credentials  # noqa: PLC0415
        import botocore.exceptions  # noqa: PLC0415
        import botocore.session  # noqa: PLC0415
    except ImportError:
        raise SecretError("aws-sm:// and aws-kms:// need the extra: pip install 'keywright[aws]'") from None
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return botocore
