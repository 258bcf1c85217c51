"""What the suite asks of a store, and what it makes of a refusal."""

import traceback
from collections.abc import Callable
from time import monotonic
from typing import Final

import pytest
from hypothesis import strategies as st

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.reference import Reference
from tests.vault.conformance.place import Ability, Place

MARGIN_S: Final = 4.0
"""By how much a question may outlast its store's time-out on a busy machine. SDKs left to themselves take minutes."""

VALUE: Final = "sk-canary-8c41e7d2f09b66a0"
"""Every value that the suite stores begins so; no message may hold it."""

_VISIBLE: Final = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
_ANY: Final = st.characters(codec="utf-8", exclude_characters="\r\0")
VALUES: Final = st.builds(
    lambda middle, end: f"{VALUE}{middle}{end}", st.text(_VISIBLE, max_size=99) | st.text(_ANY), _VISIBLE
)
"""Keys, which are visible ASCII, and documents, which have many lines and any letter."""


def needs(place: Place, ability: Ability) -> None:
    """Skip the test where `place` cannot do it."""
    if ability not in place.abilities:
        pytest.skip(f"not an ability of this kind of store: {ability}")


def read(place: Place, reference: Reference) -> str:
    return place.backend.read(reference).secret.reveal()


def write(place: Place, reference: Reference, value: str) -> str:
    return place.backend.write(reference, Secret(value))


def previous(place: Place, reference: Reference) -> str:
    return place.backend.previous(reference).secret.reveal()


def refusal(place: Place, question: Callable[[], object]) -> SecretError:
    """How `question` is refused, which it has to be."""
    error = trouble(place, question)
    assert error is not None
    return error


def trouble(place: Place, question: Callable[[], object]) -> SecretError | None:
    """How `question` is refused, if it is: in time, and with nothing secret in all that may be shown of it."""
    began = monotonic()
    try:
        question()
    except SecretError as error:
        shown = "".join(traceback.format_exception(error))
        assert VALUE not in shown
        assert not [canary for canary in place.canaries if canary in shown]
        return error
    finally:
        assert monotonic() - began < place.timeout_s + MARGIN_S
    return None
