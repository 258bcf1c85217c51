"""Google's identity tokens: who this machine's account is, told to one audience."""

from typing import Final
from urllib.parse import quote

from keywright.core.errors import SecretError
from keywright.vault.fetch import Fetch, Question
from keywright.vault.google.file import MetadataServer
from keywright.vault.google.token import FLAVOUR, METADATA

PATH: Final = "/computeMetadata/v1/instance/service-accounts/default/identity"


async def google_identity(server: MetadataServer, audience: str, fetch: Fetch) -> str:
    """The JWT of the machine's default account, with what Google knows of the machine.

    Raises:
        SecretError: there is no metadata server, or it refused.
    """
    query = f"?audience={quote(audience, safe='')}&format=full"
    question = Question(METADATA, server.endpoint + PATH + query, "near", b"GET", (FLAVOUR,))
    reply = await fetch.ask(question)
    if FLAVOUR not in reply.headers:
        raise SecretError(f"what answers in place of {METADATA} is not one")
    if reply.status != 200:
        raise fetch.refused(question, reply)
    return reply.body.decode("utf-8", "replace")
