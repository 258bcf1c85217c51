"""Providers that are called without a key of their own: by tokens that they give for a proof of who this workload is.

vendor.py   what tells one token endpoint from another
proof.py    where the proof, a JWT of this workload's platform, comes from
platform.py how each platform is asked for one
exchange.py the proof for a token, as a credential

The others are rows, one for each kind of provider.
"""

from collections.abc import Mapping
from typing import Final

from keywright.vault.federation.anthropic import ANTHROPIC
from keywright.vault.federation.exchange import endpoint, federated_credential
from keywright.vault.federation.openai import OPENAI
from keywright.vault.federation.openrouter import OPENROUTER
from keywright.vault.federation.platform import PLATFORMS, Platform
from keywright.vault.federation.proof import FileProof, PlatformProof, Proof, SecretProof
from keywright.vault.federation.vendor import Vendor

VENDORS: Final[Mapping[str, Vendor]] = {"openai": OPENAI, "anthropic": ANTHROPIC, "openrouter": OPENROUTER}
"""By kind of provider."""

__all__ = [
    "PLATFORMS",
    "VENDORS",
    "FileProof",
    "Platform",
    "PlatformProof",
    "Proof",
    "SecretProof",
    "Vendor",
    "endpoint",
    "federated_credential",
]
