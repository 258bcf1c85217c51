"""What the configuration says of where a provider's keys are."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keywright.config import CredentialConfig, ProviderConfig


def homes(given: "ProviderConfig") -> tuple[str, ...]:
    """The references of all its credentials, in their order."""
    return (*given.api_key, *(text for table in given.credentials for text in table.api_key))


def told_homes(given: "ProviderConfig") -> str:
    """All that it is called with, for people; "" when nothing is said of it."""
    named = (f"{table.name}: {_told(table)}" for table in given.credentials)
    return "; ".join((*filter(None, [_told(given)]), *named))


def _told(given: "ProviderConfig | CredentialConfig") -> str:
    if given.federation is not None:
        return f"federation ({given.federation.source or 'a proof of its own'})"
    return ", ".join(given.api_key)
