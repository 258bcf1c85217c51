"""What keys look like: the forms that providers give them, so that one is known even where nobody has told us of it.

The forms are those of public scanners (gitleaks, trufflehog, detect-secrets) and of vendors' own pages, a little wider:
a redactor that hides a word too much does less harm than one that shows a key. What a form must hold (`hint`) is
looked for first, since that is a hundred times cheaper than the form. Keys without a form of their own (Mistral,
Cohere, Azure) are known by their exact values, or by what stands before them.
"""

import re
from typing import Final

from msgspec import Struct


class Form(Struct, frozen=True):
    """A kind of key. `hint`: text that is in every one, in lower case; `pattern`: the whole of it, or what is to be
    hidden as its group `secret`.
    """

    name: str
    hint: str
    pattern: re.Pattern[str]


def _form(name: str, hint: str, pattern: str) -> Form:
    return Form(name, hint, re.compile(pattern))


_IS: Final = r"[\w-]{0,64}[\"']?\s*[:=]\s*[\"']?(?:Bearer\s+)?"
"""What stands between a name and its value, in JSON, TOML, headers and shells."""

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
    _form("databricks", "dapi", r"\bdapi[a-f0-9]{32}"),
    _form("vault", "hvs.", r"\bhv[sb]\.[\w-]{20,}"),
    _form("vault", "hvb.", r"\bhvb\.[\w-]{20,}"),
    _form("openbao", "s.", r"(?<![\w.])[sbr]\.[A-Za-z0-9]{24,}\b"),
    _form("github", "gh", r"\bgh[pousr]_[0-9A-Za-z]{36,}"),
    _form("jwt", "eyj", r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    _form("pem", "private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"),
    _form("password", "://", r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}://[^\s/:@]{1,255}:(?P<secret>[^\s/@]{3,})@"),
    *(
        _form("named", word, rf"(?i){word}{_IS}(?P<secret>[\w+/.~-]{{16,}}=*)")
        for word in ("api_key", "api-key", "apikey", "secret_key", "secret-key", "authorization", "password", "token")
    ),
    _form("bearer", "bearer ", r"(?i)\bbearer\s+(?P<secret>[\w+/.~-]{16,}=*)"),
)
