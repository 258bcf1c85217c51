"""What kind of key is it? By its form, and by what its provider says of it: words for people, in the inventory.

"" means that nothing is known. A form proves little (nobody checks it but its maker), so where both say something the
provider's word counts.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from keywright.core.http import Header
from keywright.core.json import Json
from keywright.core.secret import Secret
from keywright.rotation.administration import unix_s
from keywright.vault.aws.bedrock import runs_out_s

COHERE_TRIAL: Final = b"x-trial-endpoint-call-limit"
"""A header that only calls with a trial key are answered with."""

FORMS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "openai": (
            ("sk-svcacct-", "service account"),
            ("sk-service-", "service account"),
            ("sk-admin-", "admin"),
            ("sk-proj-", "user-bound, of a project"),
            ("sk-", "user-bound, of all projects"),
        ),
        "anthropic": (
            ("sk-ant-admin", "admin"),
            ("sk-ant-oat", "federated token"),
            ("sk-ant-api", "workspace"),
        ),
        "gemini": (("AQ.", "service account"), ("AIza", "project, standard")),
        "vertex": (("AQ.", "service account"), ("AIza", "project, standard")),
        "bedrock": (("bedrock-api-key-", "short-term"), ("ABSK", "long-term, of an IAM user")),
        "huggingface": (("api_org_", "organisation"), ("hf_", "user-bound")),
        "together": (("tgp_v1_", "project"),),
        "azure": (("", "account"),),
    }
)
"""Kind of provider → how its keys begin, and what those that begin so are. The first that fits counts."""

Told: TypeAlias = tuple[str, int | None]
"""A kind, "" if it is not told, and when the key runs out (Unix seconds, None: not, or not told)."""


def kind_by_form(kind_of_provider: str, secret: Secret) -> str:
    """What the key is by how it begins; "" when that says nothing."""
    text = secret.reveal()
    return next((kind for start, kind in FORMS.get(kind_of_provider, ()) if text.startswith(start)), "")


def expiry_by_form(secret: Secret) -> int | None:
    """When the key runs out by what it says itself, as Bedrock's short-term keys do; None when it says nothing."""
    until_s = runs_out_s(secret)
    return None if until_s is None else int(until_s)


def kind_by_answer(kind_of_provider: str, body: bytes, headers: Iterable[Header] = ()) -> Told:
    """What the provider says of a key, in its answer to the check of that key, or in what its administration API shows
    of it. ("", None) when that says nothing.
    """
    reader = _READERS.get(kind_of_provider)
    if reader is None:
        return "", None
    try:
        answer: Json = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", None
    return reader(answer, frozenset(name for name, _ in headers))


def _openai(key: Json, _: frozenset[bytes]) -> Told:
    """A project's key."""
    kinds = {"service_account": "service account", "user": "user-bound, of a project"}
    return kinds.get(_text(key, "owner", "type"), ""), _seconds(_at(key, "expires_at"))


def _anthropic(key: Json, _: frozenset[bytes]) -> Told:
    """A key as the admin API shows it. Older answers have `workspace_id` in place of `scope`."""
    if _text(key, "type") != "api_key":
        return "", None
    workspace = _text(key, "workspace_id") or _text(key, "scope", "workspace_id")
    where = f"workspace {workspace}" if workspace else "default workspace"
    owner = {"user_actor": "user-bound, ", "service_account_actor": "service account, "}
    return owner.get(_text(key, "principal", "type"), "") + where, _seconds(_at(key, "expires_at"))


def _cohere(answer: Json, headers: frozenset[bytes]) -> Told:
    """The list of models, or any other answer of its API; the check of a key does not tell."""
    if COHERE_TRIAL in headers:
        return "trial", None
    return "production" if isinstance(_at(answer, "models"), list) and headers else "", None


def _huggingface(answer: Json, _: frozenset[bytes]) -> Told:
    """`whoami-v2`."""
    roles = {"fineGrained": "fine-grained", "read": "read", "write": "write"}
    role = roles.get(_text(answer, "auth", "accessToken", "role"), "")
    owner = "organisation" if _text(answer, "type") == "org" else "user-bound"
    until = _at(answer, "auth", "accessToken", "expiration") or _at(answer, "auth", "expiresAt")
    return f"{owner}, {role}" if role else "", _seconds(until)


def _openrouter(answer: Json, _: frozenset[bytes]) -> Told:
    """`GET /key`."""
    until_s = _seconds(_at(answer, "data", "expires_at"))
    if _at(answer, "data", "is_management_key") is True or _at(answer, "data", "is_provisioning_key") is True:
        return "management", until_s
    free = _at(answer, "data", "is_free_tier")
    return ("free tier" if free else "paid") if isinstance(free, bool) else "", until_s


def _xai(answer: Json, _: frozenset[bytes]) -> Told:
    """`GET /v1/api-key`: what it may do is told as a list."""
    acls = _at(answer, "acls")
    if not isinstance(acls, list):
        return "", None
    everything = {"api-key:endpoint:*", "api-key:model:*"} <= {acl for acl in acls if isinstance(acl, str)}
    return "user-bound, " + ("all models and endpoints" if everything else "restricted"), None


def _mistral(key: Json, _: frozenset[bytes]) -> Told:
    """A key as the admin API lists it."""
    workspace = _text(key, "workspace_name")
    return f"workspace {workspace}" if workspace else "", _seconds(_at(key, "expiration_date"))


_READERS: Final[Mapping[str, Callable[[Json, frozenset[bytes]], Told]]] = MappingProxyType(
    {
        "openai": _openai,
        "anthropic": _anthropic,
        "cohere": _cohere,
        "huggingface": _huggingface,
        "openrouter": _openrouter,
        "xai": _xai,
        "mistral": _mistral,
    }
)


def _at(value: Json, *members: str) -> Json:
    """What `members` lead to; None when they lead to nothing."""
    for member in members:
        value = value.get(member) if isinstance(value, dict) else None
    return value


def _text(value: Json, *members: str) -> str:
    """The text that `members` lead to; "" when they lead to none."""
    found = _at(value, *members)
    return found if isinstance(found, str) else ""


def _seconds(when: Json) -> int | None:
    """Unix seconds of what providers write for a moment: Unix seconds, or ISO 8601."""
    if isinstance(when, bool):
        return None
    if isinstance(when, int | float):
        return int(when)
    return unix_s(when) if isinstance(when, str) else None
