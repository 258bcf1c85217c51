"""The providers whose keys are replaced in drills: what the configuration says of each, and which of its keys work."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.rotation.standins import anthropic as anthropic_console
from tests.rotation.standins import azure as azure_manager
from tests.rotation.standins import bedrock as iam
from tests.rotation.standins import google as google_project
from tests.rotation.standins import mistral as mistral_admin
from tests.rotation.standins.anthropic import Anthropic
from tests.rotation.standins.azure import Azure
from tests.rotation.standins.bedrock import Bedrock
from tests.rotation.standins.cohere import Cohere
from tests.rotation.standins.google import Google
from tests.rotation.standins.mistral import Mistral
from tests.rotation.standins.openai import OpenAi
from tests.rotation.standins.openrouter import OpenRouter
from tests.vault.google.files import service_account

FRESH: Final = 3
"""How often Gemini refuses a key of which it has not heard yet."""


def nothing(_: str) -> None:
    """What a person has to do at most providers."""


@dataclass
class Vendor:
    """A provider that runs. `table`: the rest of `[providers.NAME]`; `key`: in use at the beginning; `known`: all keys
    of which somebody has the secret then; `working`: those that are good now.

    `pasted`: the key that a person makes, where the provider's API makes none; `by_hand`: what is left to that person,
    with the old key. `slots`: how many keys there always are.
    """

    url: str
    table: str
    key: str
    working: Callable[[], list[str]]
    known: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    pasted: str = ""
    by_hand: Callable[[str], None] = nothing
    slots: int = 1


def kept(path: Path, text: str) -> str:
    """A reference to `text`, which is in a file that only its owner may touch."""
    path.write_text(text)
    path.chmod(0o600)
    return f"file:{path}"


@contextmanager
def openai(folder: Path) -> Iterator[Vendor]:
    with OpenAi().open() as it:
        admin = kept(folder / "admin", it.admin_key)
        yield Vendor(
            url=it.url,
            table=f'admin_key = "{admin}"\nrotation = {{ project = "{it.project}", drain_s = 3, hold_s = 3 }}',
            key=it.add("gateway").value,
            working=lambda: [key.value for key in it.keys.values()],
        )


@contextmanager
def openrouter(folder: Path) -> Iterator[Vendor]:
    with OpenRouter().open() as it:
        admin = kept(folder / "admin", it.admin_key)
        yield Vendor(
            url=it.url,
            table=f'admin_key = "{admin}"\nrotation = {{ drain_s = 3, hold_s = 3 }}',
            key=it.add("gateway").value,
            working=lambda: [key.value for key in it.keys.values()],  # none may be left, not even disabled
        )


@contextmanager
def gemini(folder: Path) -> Iterator[Vendor]:
    with Google().open() as it:
        key = it.add("gateway").value
        it.fresh = FRESH
        account = kept(folder / "account.json", service_account(it.door.url))
        project = f'project = "{google_project.PROJECT}", service_account = "{account}", address = "{it.admin_url}"'
        yield Vendor(
            url=it.door.url,
            table=f"rotation = {{ {project}, drain_s = 3, hold_s = 3 }}",
            key=key,
            working=lambda: [each.value for each in it.keys.values() if not each.deleted],
        )


@contextmanager
def mistral(folder: Path) -> Iterator[Vendor]:
    with Mistral().open() as it:
        admin = kept(folder / "admin", it.admin_key)
        rotation = f'user = "{mistral_admin.USER}", address = "{it.admin_url}", drain_s = 3, hold_s = 3'
        yield Vendor(
            url=it.door.url,
            table=f'admin_key = "{admin}"\nrotation = {{ {rotation} }}',
            key=it.add("gateway").value,
            working=lambda: [key.value for key in it.keys.values()],
        )


@contextmanager
def azure(folder: Path) -> Iterator[Vendor]:
    with Azure().open() as it:
        account = (
            f'subscription = "{azure_manager.SUBSCRIPTION}", resource_group = "{azure_manager.GROUP}", '
            f'account = "{azure_manager.ACCOUNT}", address = "{it.url}"'
        )
        yield Vendor(
            url=it.url,
            table=f'deployments = {{ m = "m" }}\nrotation = {{ {account}, drain_s = 3, hold_s = 3 }}',
            key=it.keys["Key1"],
            working=lambda: list(it.keys.values()),
            known=tuple(it.keys.values()),
            variables={
                "AZURE_TENANT_ID": azure_manager.TENANT,
                "AZURE_CLIENT_ID": "c",
                "AZURE_CLIENT_SECRET": "s",
                "AZURE_AUTHORITY_HOST": it.url,
            },
            slots=2,
        )


@contextmanager
def bedrock(folder: Path) -> Iterator[Vendor]:
    with Bedrock().open() as it:
        yield Vendor(
            url=it.url,
            table=(
                'region = "us-east-1"\n'
                f'rotation = {{ user = "gateway", address = "{it.url}", drain_s = 3, hold_s = 3 }}'
            ),
            key=it.make("gateway").key,
            working=lambda: [key.key for key in it.keys.values()],  # none may be left, not even inactive
            variables={"AWS_ACCESS_KEY_ID": iam.ADMIN_ID, "AWS_SECRET_ACCESS_KEY": iam.ADMIN_SECRET},
        )


@contextmanager
def anthropic(folder: Path) -> Iterator[Vendor]:
    with Anthropic().open() as it:
        old, fresh = it.make("gateway"), it.make("gateway-2")
        admin = kept(folder / "admin", anthropic_console.ADMIN_KEY)
        yield Vendor(
            url=it.url,
            table=f'admin_key = "{admin}"\nrotation = {{ drain_s = 3, hold_s = 3 }}',
            key=old.key,
            working=lambda: [key.key for key in it.keys if key.status != "archived"],
            pasted=fresh.key,
        )


@contextmanager
def cohere(folder: Path) -> Iterator[Vendor]:
    with Cohere().open() as it:
        yield Vendor(
            url=it.url,
            table="rotation = { drain_s = 3, hold_s = 3 }",
            key=it.make(),
            working=lambda: list(it.keys),
            pasted=it.make(),
            by_hand=it.keys.discard,
        )


VENDORS: Final[Mapping[str, Callable[[Path], AbstractContextManager[Vendor]]]] = {
    "openai": openai,
    "openrouter": openrouter,
    "gemini": gemini,
    "mistral": mistral,
    "azure": azure,
    "bedrock": bedrock,
    "anthropic": anthropic,
    "cohere": cohere,
}
"""By kind of provider."""
