"""A proof of who this workload is, exchanged for a provider's token, as a credential that renews itself."""

from collections.abc import Mapping

import msgspec

from keywright.core.secret import Secret
from keywright.vault.credential import BearerCredential
from keywright.vault.federation.proof import Proof, current_proof
from keywright.vault.federation.vendor import Vendor
from keywright.vault.fetch import Fetch, Question, Where
from keywright.vault.hidden import Hidden
from keywright.vault.oauth import ask_token, form_question
from keywright.vault.renewal import Renewed, RenewingCredential


def federated_credential(
    name: str, vendor: Vendor, fields: Mapping[str, str], base_url: str, proof: Proof, fetch: Fetch
) -> RenewingCredential:
    """The token that `vendor` gives for `proof`. `fields`: the settings it needs and takes. `base_url`: where the
    operator says that the provider is, "" for the vendor's own address. Asks nobody yet.
    """
    url, where = endpoint(vendor, base_url)

    async def obtain() -> Renewed:
        question = _question(vendor, url, where, fields, await current_proof(proof))
        token = await ask_token(fetch, question)
        return Renewed(BearerCredential(name, token.secret, vendor.call_headers), token.expires_s)

    fingerprint = Secret(repr((vendor, url, sorted(fields.items()), proof))).fingerprint
    return RenewingCredential(name, fingerprint, obtain, fetch.clock)


def endpoint(vendor: Vendor, base_url: str) -> tuple[str, Where]:
    """Where tokens are asked for. A proof never goes to the vendor when the operator has another in its place."""
    if not base_url:
        return vendor.url, "public"
    return base_url.rstrip("/").removesuffix(vendor.api_path) + vendor.path, "written"


def _question(vendor: Vendor, url: str, where: Where, fields: Mapping[str, str], proof: Secret) -> Question:
    who = f"{vendor.title}'s token service"
    if vendor.encoding == "form":
        return form_question(who, url, where, {**dict(vendor.fixed), **fields, vendor.proof_field: proof})
    body = msgspec.json.encode({**dict(vendor.fixed), **fields, vendor.proof_field: proof.reveal()})
    headers = ((b"content-type", b"application/json"), *vendor.headers)
    return Question(who, url, where, b"POST", headers, body, Hidden(proof), repeatable=True)
