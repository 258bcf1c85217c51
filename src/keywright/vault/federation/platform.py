"""The proof that a platform signs when it is asked: a JWT that says who this workload is, for one audience.

What is asked, and where, is decided by the environment, as the platform's own tools read it. A metadata service is at
the one address that its platform has, and nothing of a client's request takes part in it.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlsplit
from uuid import uuid4

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.aws.identity import aws_identity
from keywright.vault.aws.source import AwsSettings, plan_aws
from keywright.vault.entra import entra_token, find_entra
from keywright.vault.federation.vendor import ID_TOKEN, JWT
from keywright.vault.fetch import Fetch, Question, place
from keywright.vault.google.file import metadata_server
from keywright.vault.google.identity import google_identity
from keywright.vault.hidden import Hidden
from keywright.vault.secrecy import is_unheard

GITHUB: Final = "GitHub's token service"
GITHUB_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
GITHUB_TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 - the name of a variable
AWS: Final = AwsSettings()
"""The environment's own keys and region."""


class Platform(Struct, frozen=True):
    """One that signs proofs. `require` returns when an environment may be that platform's: it may read files, and asks
    nobody. `ask` gives what the platform says to an audience. Both raise SecretError. `proof_type`: the kind of token
    that it is, in the words of RFC 8693.
    """

    name: str
    require: Callable[[Mapping[str, str]], object]
    ask: Callable[[str, Mapping[str, str], Fetch], Awaitable[str]]
    proof_type: str = JWT


class GithubJob(Struct, frozen=True):
    """What a job of GitHub Actions asks with, and where."""

    url: str
    token: Secret


class _GithubAnswer(Struct):
    value: Secret


def github_job(environment: Mapping[str, str]) -> GithubJob:
    """The job that this process is part of.

    Raises:
        SecretError: it is part of none, or of one that may not ask.
    """
    url, token = environment.get(GITHUB_URL, ""), environment.get(GITHUB_TOKEN, "")
    if not url or not token:
        raise SecretError(
            f"{GITHUB_URL} and {GITHUB_TOKEN} are not set: a job of GitHub Actions has them with the permission "
            "id-token: write"
        )
    origin, _ = place(GITHUB_URL, url)
    if not is_unheard(origin):
        raise SecretError(f"{GITHUB_URL} is not https://")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SecretError(f"{GITHUB_TOKEN} is no token")
    return GithubJob(url, Secret(token))


async def _of_google(audience: str, environment: Mapping[str, str], fetch: Fetch) -> str:
    return await google_identity(metadata_server(environment), audience, fetch)


async def _of_azure(audience: str, environment: Mapping[str, str], fetch: Fetch) -> str:
    token = await entra_token(find_entra(environment), f"{audience}/.default", fetch, lambda: str(uuid4()))
    return token.secret.reveal()


async def _of_aws(audience: str, environment: Mapping[str, str], fetch: Fetch) -> str:
    return await aws_identity(AWS, audience, environment, fetch)


async def _of_github(audience: str, environment: Mapping[str, str], fetch: Fetch) -> str:
    job = github_job(environment)
    joint = "&" if urlsplit(job.url).query else "?"
    question = Question(
        GITHUB,
        f"{job.url}{joint}audience={quote(audience, safe='')}",
        "written",
        b"GET",
        ((b"authorization", b"bearer " + job.token.reveal().encode()), (b"accept", b"application/json")),
        hidden=Hidden(job.token),
    )
    return fetch.decoded(question, await fetch.ask(question), _GithubAnswer).value.reveal()


PLATFORMS: Final[Mapping[str, Platform]] = MappingProxyType(
    {
        platform.name: platform
        for platform in (
            Platform("aws", lambda environment: plan_aws(AWS, environment), _of_aws),
            Platform("azure", find_entra, _of_azure),
            Platform("github", github_job, _of_github),
            Platform("google", metadata_server, _of_google, ID_TOKEN),
        )
    }
)
"""By name."""
