"""OpenAI's token exchange."""

from typing import Final

from keywright.vault.federation.vendor import TOKEN_EXCHANGE, Vendor

OPENAI: Final = Vendor(
    title="OpenAI",
    url="https://auth.openai.com/oauth/token",
    api_path="/v1",
    path="/oauth/token",
    encoding="json",
    fixed=(("grant_type", TOKEN_EXCHANGE),),
    proof_field="subject_token",
    type_field="subject_token_type",
    needs=("identity_provider_id", "service_account_id"),
)
