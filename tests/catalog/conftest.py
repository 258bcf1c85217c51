"""The bundled catalogue, read once, and strategies for usages."""

import pytest
from hypothesis import strategies as st

from keywright.catalog import snapshot as snapshots
from keywright.catalog.catalogue import Catalogue
from keywright.catalog.snapshot import Snapshot
from keywright.core.usage import UNITS, Usage

TOKENS_MAX = 400_000
"""Beyond every tier of the data, which start at 32,000 to 272,000 prompt tokens."""


@pytest.fixture(scope="session")
def snapshot() -> Snapshot:
    return snapshots.bundled()


@pytest.fixture(scope="session")
def catalogue(snapshot: Snapshot) -> Catalogue:
    return Catalogue(snapshot)


def usages(tokens_max: int = TOKENS_MAX) -> st.SearchStrategy[Usage]:
    return st.builds(Usage, **{unit: st.just(0) | st.integers(0, tokens_max) for unit in UNITS})
