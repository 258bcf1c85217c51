"""The proof that a platform signs when it is asked: a JWT that says who this workload is, for one audience.

What is asked, and where, is decided by the environment, as the platform's own tools read it. A metadata service is at
the one address that its platform has, and nothing of a client's request takes part in it.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias, assert_never
from urllib.parse import quote, urlsplit
from uuid import uuid4

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.aws.identity import aws_identity
from keywright.vault.aws.source import AwsSettings, plan_aws
from keywright.vault.entra import entra_token, find_entra
from keywright.vault.fetch import Fetch, Question, place
from keywright.vault.google.file import metadata_server
from keywright.vault.google.identity import google_identity
from keywright.vault.hidden import Hidden
from keywright.vault.secrecy import is_unheard

Platform: TypeAlias = Literal["aws", "azure", "github", "google"]
PLATFORMS: Final[tuple[Platform, ...]] = ("aws", "azure", "github", "google")

GITHUB: Final = "GitHub's token service"
GITHUB_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
GITHUB_TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 - the name of a variable
AWS: Final = AwsSettings()
"""The environment's own keys and region."""


class GithubJob(Struct, frozen=True):
    """What a job of GitHub Actions asks with, and where."""

    url: str
    token: Secret


class _GithubAnswer(Struct):
    value: Secret


def require_platform(platform: Platform, environment: Mapping[str, str]) -> None:
    """Return when this environment may be that platform's. Blocks on the disk, and asks nobody.

    Raises:
        SecretError: it is not, or lacks something.
    """
    match platform:
        case "google":
            metadata_server(environment)
        case "azure":
            find_entra(environment)
        case "github":
            github_job(environment)
        case "aws":
            plan_aws(AWS, environment)
        case _:
            assert_never(platform)


async def ask_platform(
    platform: Platform,
    audience: str,
    environment: Mapping[str, str],
    fetch: Fetch,
    new_id: Callable[[], str] = lambda: str(uuid4()),
) -> str:
    """What `platform` says for `audience`. `new_id` names an assertion.

    Raises:
        SecretError: who refused it, and why.
    """
    match platform:
        case "google":
            return await google_identity(metadata_server(environment), audience, fetch)
        case "azure":
            token = await entra_token(find_entra(environment), f"{audience}/.default", fetch, new_id)
            return token.secret.reveal()
        case "github":
            return await _of_github(github_job(environment), audience, fetch)
        case "aws":
            return await aws_identity(AWS, audience, environment, fetch)
        case _:
            assert_never(platform)


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


async def _of_github(job: GithubJob, audience: str, fetch: Fetch) -> str:
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
