"""OpenRouter's token exchange."""

from typing import Final

from keywright.vault.federation.vendor import JWT, TOKEN_EXCHANGE, Vendor

OPENROUTER: Final = Vendor(
    title="OpenRouter",
    url="https://openrouter.ai/api/v1/oauth/token",
    api_path="",
    path="/oauth/token",
    encoding="form",
    fixed=(("grant_type", TOKEN_EXCHANGE), ("subject_token_type", JWT)),
    proof_field="subject_token",
    needs=("federation_policy_id",),
)
