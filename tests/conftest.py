"""Fixtures that every room's tests share."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("usual", settings.default, max_examples=30, deadline=None)
settings.register_profile("soak", settings.default, max_examples=500, deadline=None)
settings.load_profile("soak" if os.environ.get("KEYWRIGHT_SOAK") else "usual")
"""Each run tries other examples; `make soak` many of them. A busy machine is no reason to fail."""

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared_dir(name: str) -> Path:
    """The folder `name` of the reference material beside the checkout; skips the test where it is absent."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"reference material is absent: {folder} does not exist", allow_module_level=True)
    return folder


def pytest_collection_finish() -> None:
    """Spare the collector what lives as long as the run: it would walk through thousands of tests again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_configure() -> None:
    """Keep what tests would throw away, where `make canary` asks for it."""
    folder = os.environ.get("KEYWRIGHT_CANARY")
    if folder:
        from tools.canary.keeping import keep

        keep(Path(folder) / "kept")
