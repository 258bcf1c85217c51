"""The key that a provider's own tool left is found where it leaves it."""

from pathlib import Path

import pytest

from keywright.providers import find
from keywright.vault.login import login_file


def places() -> tuple[str, ...]:
    row = find("huggingface")
    assert row is not None
    return row.login_files


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("hf_token")
    return path


def test_the_file_is_where_the_environment_says(tmp_path: Path) -> None:
    default = write(tmp_path / ".cache/huggingface/token")
    home = write(tmp_path / "home/token")
    xdg = write(tmp_path / "xdg/huggingface/token")
    path = write(tmp_path / "anywhere")
    environment = {"HOME": str(tmp_path)}
    assert login_file(places(), environment) == default
    environment["XDG_CACHE_HOME"] = str(tmp_path / "xdg")
    assert login_file(places(), environment) == xdg
    environment["HF_HOME"] = "~/home"
    assert login_file(places(), environment) == home
    environment["HF_TOKEN_PATH"] = str(path)
    assert login_file(places(), environment) == path


@pytest.mark.parametrize("variable", ["HF_HOME", "HF_TOKEN_PATH", "XDG_CACHE_HOME"])
def test_where_nobody_has_signed_in_there_is_none(tmp_path: Path, variable: str) -> None:
    write(tmp_path / ".cache/huggingface/token")
    assert login_file(places(), {"HOME": str(tmp_path), variable: str(tmp_path / "empty")}) is None
    assert login_file(places(), {}) is None
    assert login_file((), {"HOME": str(tmp_path)}) is None
