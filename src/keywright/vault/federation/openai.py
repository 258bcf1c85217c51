"""OpenAI's token exchange."""

from typing import Final

from keywright.vault.federation.vendor import JWT, TOKEN_EXCHANGE, Vendor

OPENAI: Final = Vendor(
    title="OpenAI",
    url="https://auth.openai.com/oauth/token",
    api_path="/v1",
    path="/oauth/token",
    encoding="json",
    fixed=(("grant_type", TOKEN_EXCHANGE), ("subject_token_type", JWT)),
    proof_field="subject_token",
    needs=("identity_provider_id", "service_account_id"),
)
