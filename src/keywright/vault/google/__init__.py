"""Google Cloud: credential files and the metadata server, and the tokens that they give.

file.py        credential files of every kind, and which one this machine has
token.py       how each kind gets an access token
credential.py  those tokens as a credential
"""

from keywright.vault.google.credential import GoogleSettings, google_credential, google_project

__all__ = ["GoogleSettings", "google_credential", "google_project"]
