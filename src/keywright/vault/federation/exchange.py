"""A proof of who this workload is, exchanged for a provider's token, as a credential that renews itself."""

from collections.abc import Mapping

import msgspec

from keywright.core.secret import Secret
from keywright.vault.credential import BearerCredential
from keywright.vault.federation.proof import Proof, current_proof, proof_type
from keywright.vault.federation.vendor import Vendor
from keywright.vault.fetch import Fetch, Question, Where
from keywright.vault.hidden import Hidden
from keywright.vault.oauth import ask_token, form_question
from keywright.vault.renewal import Renewed, RenewingCredential


def federated_credential(
    name: str, vendor: Vendor, fields: Mapping[str, str], place: tuple[str, Where], proof: Proof, fetch: Fetch
) -> RenewingCredential:
    """The token that `vendor` gives for `proof`. `fields`: the settings it needs and takes. `place`: where it is asked,
    as `endpoint` says. Asks nobody yet.
    """
    url, where = place
    told = {**dict(vendor.fixed), **({vendor.type_field: proof_type(proof)} if vendor.type_field else {}), **fields}

    async def obtain() -> Renewed:
        question = _question(vendor, url, where, told, await current_proof(proof, fetch))
        token = await ask_token(fetch, question)
        return Renewed(BearerCredential(name, token.secret, lists=vendor.call_lists), token.expires_s)

    fingerprint = Secret(repr((vendor.title, url, sorted(fields.items()), proof))).fingerprint
    return RenewingCredential(name, fingerprint, obtain, fetch.clock)


def endpoint(vendor: Vendor, base_url: str = "", token_url: str = "") -> tuple[str, Where]:
    """Where tokens are asked for: where the operator says that they are, else below where he says that the provider is,
    else at the vendor's. A proof never goes to the vendor when the operator has another in its place.
    """
    if token_url:
        return token_url, "written"
    if not base_url:
        return vendor.url, "public"
    return base_url.rstrip("/").removesuffix(vendor.api_path) + vendor.path, "written"


def _question(vendor: Vendor, url: str, where: Where, fields: Mapping[str, str], proof: Secret) -> Question:
    who = f"{vendor.title}'s token service"
    if vendor.encoding == "form":
        return form_question(who, url, where, {**fields, vendor.proof_field: proof})
    body = msgspec.json.encode({**fields, vendor.proof_field: proof.reveal()})
    headers = ((b"content-type", b"application/json"), *vendor.headers)
    return Question(who, url, where, b"POST", headers, body, Hidden(proof), repeatable=True)
