"""Each driver of kind "api" with its provider: what the same laws are tried on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from keywright.core.secret import Secret
from keywright.rotation.administration import AdminKey
from keywright.rotation.driver import Driver
from keywright.rotation.drivers.google import GoogleDriver, GoogleSettings
from keywright.rotation.drivers.mistral import MistralDriver, MistralSettings
from keywright.rotation.drivers.openai import OpenAiDriver, OpenAiSettings
from keywright.rotation.drivers.openrouter import OpenRouterDriver, OpenRouterSettings
from keywright.vault.credential import BearerCredential, Credential
from keywright.vault.fetch import Fetch
from tests.rotation.drivers.conftest import at_once
from tests.rotation.standins.base import Door
from tests.rotation.standins.google import Google
from tests.rotation.standins.mistral import USER, Mistral
from tests.rotation.standins.openai import OpenAi
from tests.rotation.standins.openrouter import OpenRouter


@dataclass
class Case:
    """`add` makes a key and gives its text; `works`: whether the key with a text is good; `names`: of all keys that
    live. `makes_again_what_is_there`: making a key of the same name makes no second one.
    """

    driver: Driver
    door: Door
    base_url: str
    admin: str
    add: Callable[[str], Secret]
    works: Callable[[Secret], bool]
    names: Callable[[], list[str]]
    makes_again_what_is_there: bool = False


def always(text: str) -> AdminKey:
    async def key() -> Secret:
        return Secret(text)

    return key


def case_of(it: OpenAi | OpenRouter | Google | Mistral, driver: Driver, base_url: str, admin: str) -> Case:
    return Case(
        driver=driver,
        door=it.door,
        base_url=base_url,
        admin=admin,
        add=lambda name: Secret(it.add(name).value),
        works=lambda secret: it.works(secret.reveal()) is not None,
        names=lambda: names_of(it),
        makes_again_what_is_there=isinstance(it, Google),
    )


def names_of(it: OpenAi | OpenRouter | Google | Mistral) -> list[str]:
    if isinstance(it, Google):
        return [key.display_name for key in it.keys.values() if not key.deleted]
    return [key.name or "" for key in it.keys.values()]


@contextmanager
def openai(fetch: Fetch, base_url: str = "", admin: str = OpenAi.admin_key) -> Iterator[Case]:
    with OpenAi().open() as it:
        driver = OpenAiDriver(fetch, base_url or it.url, always(admin), OpenAiSettings(it.project))
        yield case_of(it, driver, it.url, it.admin_key)


@contextmanager
def openrouter(fetch: Fetch, base_url: str = "", admin: str = OpenRouter.admin_key) -> Iterator[Case]:
    with OpenRouter().open() as it:
        driver = OpenRouterDriver(fetch, base_url or it.url, always(admin), OpenRouterSettings())
        yield case_of(it, driver, it.url, it.admin_key)


@contextmanager
def google(fetch: Fetch, base_url: str = "", admin: str = Google.token) -> Iterator[Case]:
    async def login() -> Credential:
        return BearerCredential("google", Secret(admin))

    with Google().open() as it:
        driver = GoogleDriver(fetch, base_url or it.admin_url, login, GoogleSettings(), pause=at_once)
        yield case_of(it, driver, it.admin_url, it.token)


@contextmanager
def mistral(fetch: Fetch, base_url: str = "", admin: str = Mistral.admin_key) -> Iterator[Case]:
    with Mistral().open() as it:
        driver = MistralDriver(fetch, base_url or it.admin_url, always(admin), MistralSettings(USER))
        yield case_of(it, driver, it.admin_url, it.admin_key)


CASES = {"openai": openai, "openrouter": openrouter, "google": google, "mistral": mistral}
