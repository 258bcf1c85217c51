"""The token that Hugging Face's own tools left is found where they leave it."""

from pathlib import Path

import pytest

from keywright.core.errors import SecretError
from keywright.vault.huggingface import huggingface_token


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def found(environment: dict[str, str]) -> str | None:
    token = huggingface_token(environment)
    return None if token is None else token.reveal()


def test_the_variables_come_first_then_the_file(tmp_path: Path) -> None:
    write(tmp_path / ".cache/huggingface/token", "hf_file\n")
    home = {"HOME": str(tmp_path)}
    assert found({**home, "HF_TOKEN": " hf_one\n", "HUGGING_FACE_HUB_TOKEN": "hf_two"}) == "hf_one"
    assert found({**home, "HF_TOKEN": "", "HUGGING_FACE_HUB_TOKEN": "hf_two"}) == "hf_two"
    assert found(home) == "hf_file"


def test_the_file_is_where_the_environment_says(tmp_path: Path) -> None:
    write(tmp_path / "a/token", "hf_home")
    write(tmp_path / "b/huggingface/token", "hf_xdg")
    write(tmp_path / "c", "hf_path")
    assert found({"XDG_CACHE_HOME": str(tmp_path / "b")}) == "hf_xdg"
    assert found({"HF_HOME": str(tmp_path / "a"), "XDG_CACHE_HOME": str(tmp_path / "b")}) == "hf_home"
    assert found({"HF_HOME": str(tmp_path / "a"), "HF_TOKEN_PATH": str(tmp_path / "c")}) == "hf_path"
    assert found({"HF_HOME": "~/a", "HOME": str(tmp_path)}) == "hf_home"


def test_where_nobody_has_signed_in_there_is_none(tmp_path: Path) -> None:
    assert found({"HOME": str(tmp_path)}) is None
    assert found({}) is None


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "token", "hf_file", 0o644)
    with pytest.raises(SecretError, match="may be touched by others than its owner"):
        found({"HF_HOME": str(tmp_path)})


@pytest.mark.parametrize("text", ["", "two words", "two\nlines"])
def test_what_is_no_token_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path / "token", text)
    with pytest.raises(SecretError, match=f"file:{tmp_path}/token "):
        found({"HF_HOME": str(tmp_path)})
