"""What is said when a gateway listens: where, with which providers, with which key, and how to ask."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from msgspec import Struct
from rich.console import Console

from keywright.cli.homes import homes, told_homes
from keywright.cli.screen import DIM, STRONG
from keywright.config import Config, resolve_provider
from keywright.core.json import JsonObject
from keywright.core.secret import Secret
from keywright.house.house import House
from keywright.providers import PROVIDERS

GOOD_FIRST_MODELS: Final = (
    "openai/gpt-5-mini",
    "anthropic/claude-haiku-4-5",
    "openrouter/openai/gpt-5-mini",
    "groq/llama-3.1-8b-instant",
    "deepseek/deepseek-chat",
)
"""Cheap ones to try first, the first that is there."""

VARIABLES_SHOWN_MAX: Final = 4


class Facts(Struct, frozen=True):
    """What there is to say. `host` is the address it listens at, `url` where this machine reaches it; `new_admin_key`
    was made just now; `models` are those that can be asked.
    """

    url: str
    host: str
    config: Config
    new_admin_key: Secret | None
    models: tuple[str, ...]
    workers: int = 1


def facts_of(house: House, url: str, host: str, workers: int = 1) -> Facts:
    """What there is to say of `house`, which is served there."""
    models = tuple(house.snapshot.routes.names())
    return Facts(url, host, house.blueprint.config, house.admin.new, models, workers)


def announcement(facts: Facts) -> JsonObject:
    """What a program has to know. The admin's key is in it when it was made just now, else null."""
    key = facts.new_admin_key
    return {
        "url": facts.url,
        "admin_key": None if key is None else key.reveal(),
        "providers": [
            {"name": name, "keys": list(homes(given)), "url": resolve_provider(name, given).base_url}
            for name, given in facts.config.providers.items()
        ],
    }


def tell(facts: Facts, screen: Console) -> None:
    """Say to people where it listens and with what. The admin's key is shown when it was made just now."""
    by = f" with {facts.workers} workers" if facts.workers > 1 else ""
    screen.print(f"Keywright listens on {facts.url}{by}", style=STRONG)
    if not ip_address(facts.host.partition("%")[0]).is_loopback:
        bare = "" if facts.url.startswith("https:") else ", and without TLS: put a TLS proxy before it"
        screen.print(f"  It can be reached from other machines{bare}.")
    providers = facts.config.providers
    for name, given in providers.items():
        keys = told_homes(given)
        how = f"key from {keys}" if keys else resolve_provider(name, given).base_url
        screen.print(f"  {name:<12} {how}")
    if not providers:
        _tell_how_to_get_providers(screen)
    if facts.new_admin_key is not None:
        tell_key("admin key", "KEYWRIGHT_ADMIN_KEY", facts.new_admin_key, screen)


def tell_key(what: str, variable: str, key: Secret, screen: Console) -> None:
    """Show a new key, the only time."""
    screen.print(f"The {what}, shown only now (the store keeps its hash):")
    screen.print(f"  export {variable}={key.reveal()}", style=STRONG)


def tell_example(url: str, model: str, variable: str, screen: Console) -> None:
    """Show how to ask, with the key in `variable`."""
    screen.print("Try it:")
    for line in _curl(url, model, variable):
        screen.print(f"  {line}", style=DIM)


def example_model(facts: Facts) -> str:
    """A model to try: an alias, a cheap one, any, or the place for a name."""
    names = facts.models
    good = (*facts.config.models, *(name for name in GOOD_FIRST_MODELS if name in names), *names)
    return good[0] if good else f"{next(iter(facts.config.providers), 'provider')}/MODEL"


def _tell_how_to_get_providers(screen: Console) -> None:
    variables = [row.env[0] for row in PROVIDERS if row.env][:VARIABLES_SHOWN_MAX]
    screen.print("  There is no provider yet, so nothing can be answered. Any of these is enough:")
    screen.print(f"    a provider's key in the environment or in .env: {', '.join(variables)}, …")
    screen.print("    a model server on this machine, such as Ollama or LM Studio")
    screen.print("    a keywright.toml: keywright init")
    screen.print("  Without any key: keywright demo runs a small model on this machine.")


def _curl(url: str, model: str, variable: str) -> Iterator[str]:
    yield f"curl {url}/v1/chat/completions \\"
    yield f'  -H "Authorization: Bearer ${variable}" -H "Content-Type: application/json" \\'
    yield f'  -d \'{{"model": "{model}", "messages": [{{"role": "user", "content": "Say hello."}}]}}\''
