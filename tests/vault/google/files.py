"""Google's credential files, with addresses of the test's own."""

import json

from tests.vault.rsa_key import pem, rsa_key

ACCOUNT = "llm@project-7.iam.gserviceaccount.com"
AUDIENCE = "//iam.googleapis.com/projects/7/locations/global/workloadIdentityPools/p/providers/q"


def service_account(url: str, **changed: object) -> str:
    file = {
        "type": "service_account",
        "project_id": "project-7",
        "private_key_id": "key-1",
        "private_key": pem(rsa_key()),
        "client_email": ACCOUNT,
        "client_id": "1234",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": f"{url}/token",
        "universe_domain": "googleapis.com",
    }
    return json.dumps({**file, **changed})


def authorized_user(url: str, **changed: object) -> dict[str, object]:
    file = {
        "type": "authorized_user",
        "account": "",
        "client_id": "gcloud.apps.googleusercontent.com",
        "client_secret": "gcloud-secret",
        "refresh_token": "1//refresh",
        "token_uri": f"{url}/token",
    }
    return {**file, **changed}


def external_account(url: str, source: dict[str, object], **changed: object) -> str:
    file = {
        "type": "external_account",
        "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{url}/v1/token",
        "credential_source": source,
    }
    return json.dumps({**file, **changed})


def impersonated(url: str, source: dict[str, object]) -> str:
    file = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": f"{url}/generate",
        "source_credentials": source,
    }
    return json.dumps(file)
