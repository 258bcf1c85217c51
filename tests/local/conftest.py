"""The embedded model, running once for all tests of this room."""

from collections.abc import Iterator

import pytest

from keywright.local import LocalModel, LocalModelMissingError, start


@pytest.fixture(scope="session")
def local_model() -> Iterator[LocalModel]:
    """The real model on a free port; the tests skip where it is not installed."""
    try:
        model = start()
    except LocalModelMissingError as missing:
        pytest.skip(str(missing))
    with model:
        yield model
