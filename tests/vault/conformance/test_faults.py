"""A store in trouble says which, in time and without a secret, and serves again as soon as it is over."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from keywright.core.errors import SecretAbsentError, SecretDeniedError, SecretReadOnlyError
from keywright.core.secret import Secret
from tests.vault.conformance.place import FAULTS, Fault, Place, fresh_name, struck
from tests.vault.conformance.questions import VALUE, read, refusal, trouble

READERS: Final = 4


@pytest.mark.parametrize("fault", FAULTS)
def test_a_read_in_trouble_is_refused_with_its_cause_and_the_next_after_it_succeeds(place: Place, fault: Fault) -> None:
    if fault not in place.faults:
        pytest.skip(f"this kind of store does not know, or not here: {fault}")
    name = fresh_name()
    reference = place.reference(name)
    place.put(name, VALUE)
    assert read(place, reference) == VALUE
    with struck(place, fault):
        error = refusal(place, lambda: place.backend.read(reference))
    assert isinstance(error, SecretDeniedError) == (fault == "deny")
    assert not isinstance(error, SecretAbsentError | SecretReadOnlyError)
    assert str(reference) in str(error)
    assert len(str(error)) > len(str(reference)) + len(": ")
    assert read(place, reference) == VALUE


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_is_asked_in_trouble_ends_in_time_and_nothing_is_lost(place: Place, fault: Fault) -> None:
    if fault not in place.faults:
        pytest.skip(f"this kind of store does not know, or not here: {fault}")
    name = fresh_name()
    reference = place.reference(name)
    place.put(name, VALUE)
    backend = place.backend
    questions = (
        lambda: backend.write(reference, Secret(f"{VALUE}-2")),
        lambda: backend.previous(reference),
        lambda: backend.forget(place.reference(fresh_name())),
        backend.names,
        *[lambda: backend.read(reference)] * READERS,
    )

    # That it is answered is not promised, how it is refused is.
    with struck(place, fault), ThreadPoolExecutor(len(questions)) as threads:
        list(threads.map(lambda question: trouble(place, question), questions))
    assert read(place, reference) in (VALUE, f"{VALUE}-2")
