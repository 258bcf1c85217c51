"""What keys look like: the forms that providers give them, so that one is known even where nobody has told us of it.

The forms are those of public scanners (gitleaks, trufflehog, detect-secrets) and of vendors' own pages, a little wider:
a redactor that hides a word too much does less harm than one that shows a key. What a form must hold (`hint`) is
looked for first, since that is a hundred times cheaper than the form. Keys without a form of their own (Mistral,
Cohere, Azure) are known by their exact values, or by what stands before them: a name that tells, or their vendor's if
they are as long as that vendor's and as mixed as chance makes them.
"""

import re
from typing import Final

from msgspec import Struct


class Form(Struct, frozen=True):
    """A kind of key. `hint`: text that is in every one, in lower case; `pattern`: the whole of it, or what is to be
    hidden as its group `secret`. `is_marked`: by itself it tells enough to be known also where a line end cuts it.
    """

    name: str
    hint: str
    pattern: re.Pattern[str]
    is_marked: bool = True


def _form(name: str, hint: str, pattern: str) -> Form:
    return Form(name, hint, re.compile(pattern))


def _loose(name: str, hint: str, pattern: str) -> Form:
    return Form(name, hint, re.compile(pattern), is_marked=False)


_IS: Final = r"[\w-]{0,64}[\"']?\s*[:=]\s*[\"']?(?:Bearer\s+)?"
"""What stands between a name and its value, in JSON, TOML, headers and shells."""

_MIXED: Final = r"(?=[A-Za-z]*\d)(?=[A-Z\d]*[a-z])(?=[a-z\d]*[A-Z])"
"""Digits, small and capital letters: no digest and no word is that."""

_NAMES: Final = (
    *("api_key", "api-key", "apikey", "api key", "secret_key", "secret-key", "secretkey", "secret_access_key"),
    *("secretaccesskey", "client_secret", "client-secret", "clientsecret", "subscription-key", "openai-key"),
    *("openai_key", "accountkey", "authorization", "token"),
)
"""Names that tell that a secret follows, if it is none of words (`max_tokens=usage.output_total`)."""

_CHANCE: Final = r"(?=[\w+/.~-]{0,512}?(?:\d|[a-z][A-Z]))"
"""A digit, or a capital within a word."""

FORMS: Final = (
    _form("keywright", "sk-kw-", r"sk-kw-[a-z][A-Za-z0-9]{16}-[A-Za-z0-9]{20,}"),
    _form("anthropic", "sk-ant-", r"sk-ant-[a-z0-9]+-[\w-]{20,}"),
    _form("openrouter", "sk-or-", r"sk-or-v1-[0-9a-f]{32,}"),
    _form("openai", "t3blbkfj", r"\bsk-[\w-]{0,200}T3BlbkFJ[\w-]{10,}"),
    _form("openai", "sk-", r"\bsk-(?:proj|svcacct|service|admin)-[\w-]{20,}"),
    _form("openai-like", "sk-", r"\bsk-[A-Za-z0-9_-]{20,}"),
    _form("google", "aiza", r"AIza[\w-]{33,}"),
    _form("google", "aq.", r"\bAQ\.[\w-]{20,}"),
    _form("google-token", "ya29.", r"\bya29\.[\w.-]{20,}"),
    *(
        _form("aws", start.lower(), rf"(?<![A-Za-z0-9]){start}[A-Z2-7]{{{size}}}(?![A-Za-z0-9])")
        for start, size in (("AKIA", 16), ("ASIA", 16), ("ABIA", 16), ("ACCA", 16), ("A3T", 17))
    ),
    _form("bedrock", "absk", r"ABSK[A-Za-z0-9+/]{40,}={0,2}"),
    _form("bedrock", "bedrock-api-key-", r"bedrock-api-key-[A-Za-z0-9+/]{20,}={0,2}"),
    _form("groq", "gsk_", r"gsk_[A-Za-z0-9]{40,}"),
    _form("xai", "xai-", r"\bxai-[0-9A-Za-z_]{40,}"),
    _form("huggingface", "hf_", r"\bhf_[A-Za-z0-9]{30,}"),
    _form("huggingface", "api_org_", r"\bapi_org_[A-Za-z0-9]{30,}"),
    _form("perplexity", "pplx-", r"pplx-[A-Za-z0-9]{40,}"),
    _form("together", "tgp_v1_", r"tgp_v1_[\w-]{40,}"),
    _form("fireworks", "fw_", r"\bfw_[A-Za-z0-9]{16,}"),
    _form("cerebras", "csk-", r"\bcsk-[a-z0-9]{40,}"),
    _form("nvidia", "nvapi-", r"nvapi-[\w-]{50,}"),
    _form("replicate", "r8_", r"\br8_[0-9A-Za-z_-]{30,}"),
    _form("databricks", "dapi", r"\bdapi[a-f0-9]{32}(?:-\d)?"),
    _form("vault", "hvs.", r"\bhvs\.[\w-]{20,}"),
    _form("vault", "hvb.", r"\bhvb\.[\w-]{20,}"),
    *(_form("openbao", f"{kind}.", rf"(?<![\w.]){kind}\.[A-Za-z0-9]{{24,}}\b") for kind in "sbr"),
    _form("github", "gh", r"\bgh[pousr]_[0-9A-Za-z]{36,}"),
    _form("github", "github_pat_", r"\bgithub_pat_\w{36,}"),
    _form("cohere", "cohere", rf"(?i:cohere)[^\n]{{0,40}}?\b(?P<secret>{_MIXED}[A-Za-z0-9]{{40}})\b"),
    _form("mistral", "mistral", rf"(?i:mistral)[^\n]{{0,40}}?\b(?P<secret>{_MIXED}[A-Za-z0-9]{{32}})\b"),
    *(
        _form(
            "azure", vendor, rf"(?i:{vendor}[^\n]{{0,40}}?key)\W{{1,8}}(?P<secret>[0-9a-f]{{32}}|[A-Za-z0-9]{{84}})\b"
        )
        for vendor in ("azure", "openai")
    ),
    _loose("jwt", "eyj", r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    _loose(
        "pem",
        "private key",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^\"'<>]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|(?=[\"'<>])|$)",
    ),
    _loose(
        "password",
        "://",
        r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}://[^\s/:@\"<>\[]{1,255}:(?P<secret>[^\s/@\"<>]{3,})@",
    ),
    *(_loose("named", word, rf"(?i:{word}(?!s){_IS})(?P<secret>{_CHANCE}[\w+/.~-]{{16,}}=*)") for word in _NAMES),
    *(_loose("named", word, rf"(?i:{word}{_IS})(?P<secret>[\w+/.~-]{{16,}}=*)") for word in ("password", "passwd")),
    _loose("bearer", "bearer ", r"(?i)\bbearer\s+(?P<secret>[\w+/.~-]{16,}=*)"),
)
