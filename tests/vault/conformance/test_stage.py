"""What only AWS Secrets Manager has: labels of versions, which a reference may name."""

from typing import Final

import pytest

from keywright.core.errors import SecretAbsentError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.vault.reference import Reference, parse
from tests.vault.conformance.place import fresh_name
from tests.vault.conformance.places.aws import FIELD, AwsPlace
from tests.vault.conformance.questions import VALUE, read, refusal, write

OWN: Final = "BLUE"
"""A label of the operator's."""


def labelled(name: str, stage: str, version: str = "") -> Reference:
    return parse(f"aws-sm://{name}?stage={stage}{version and '&version='}{version}#{FIELD}")


def test_a_label_is_read_wherever_it_is_moved_to(aws_sm_place: AwsPlace) -> None:
    place, name = aws_sm_place, fresh_name()
    first, second = (write(place, place.reference(name), f"{VALUE}-{number}") for number in (1, 2))
    assert read(place, labelled(name, "AWSCURRENT")) == f"{VALUE}-2"
    assert read(place, labelled(name, "AWSPREVIOUS")) == f"{VALUE}-1"
    assert isinstance(refusal(place, lambda: place.backend.read(labelled(name, OWN))), SecretAbsentError)
    move = {"SecretId": name, "VersionStage": OWN}
    place.tool.update_secret_version_stage(**move, MoveToVersionId=first)
    assert read(place, labelled(name, OWN)) == f"{VALUE}-1"
    assert read(place, labelled(name, OWN, first)) == f"{VALUE}-1"
    place.tool.update_secret_version_stage(**move, MoveToVersionId=second, RemoveFromVersionId=first)
    assert read(place, labelled(name, OWN)) == f"{VALUE}-2"


@pytest.mark.parametrize("stage", ["AWSCURRENT", "AWSPREVIOUS", OWN])
def test_nothing_is_written_at_a_label(aws_sm_place: AwsPlace, stage: str) -> None:
    place, reference = aws_sm_place, labelled(fresh_name(), stage)
    error = refusal(place, lambda: place.backend.write(reference, Secret(VALUE)))
    assert isinstance(error, SecretReadOnlyError)
    assert str(error) == place.backend.read_only(reference)
    assert "without ?stage" in str(error)
