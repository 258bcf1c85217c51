"""Fixtures that every room's tests share."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared_dir(name: str) -> Path:
    """The folder `name` of the reference material beside the checkout; skips the test where it is absent."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"reference material is absent: {folder} does not exist", allow_module_level=True)
    return folder
