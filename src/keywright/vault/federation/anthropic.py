"""Anthropic's token exchange (RFC 7523)."""

from typing import Final

from keywright.vault.federation.vendor import Vendor
from keywright.vault.oauth import JWT_BEARER

ANTHROPIC: Final = Vendor(
    title="Anthropic",
    url="https://api.anthropic.com/v1/oauth/token",
    api_path="",
    path="/v1/oauth/token",
    encoding="json",
    fixed=(("grant_type", JWT_BEARER),),
    proof_field="assertion",
    needs=("federation_rule_id", "organization_id", "service_account_id"),
    takes=("workspace_id",),
    headers=((b"anthropic-beta", b"oauth-2025-04-20,oidc-federation-2026-04-01"),),
    call_lists=((b"anthropic-beta", b"oauth-2025-04-20"),),
)
