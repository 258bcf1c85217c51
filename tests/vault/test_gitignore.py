"""Whether git would take the `.env` file, compared with git itself where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from keywright.vault.backends.dotenv import DotenvBackend
from keywright.vault.backends.gitignore import would_track

IGNORED = [".env", "*.env", ".env*", "/.env", ".e?v", "**/.env", "*", "!.env\n.env", ".env  \n# no"]
TRACKED = ["", "#.env", ".env/", "env", "!.env", ".env\n!.env", "/other/.env", ".envrc", "*.txt"]


def repository(folder: Path, rules: str) -> Path:
    (folder / ".git" / "info").mkdir(parents=True)
    (folder / ".gitignore").write_text(rules + "\n")
    (folder / ".env").write_text("A=b\n")
    (folder / ".env").chmod(0o600)
    return folder / ".env"


@pytest.mark.parametrize("rules", IGNORED)
def test_an_ignored_file_is_not_tracked(rules: str, tmp_path: Path) -> None:
    assert not would_track(repository(tmp_path, rules))
    assert DotenvBackend(tmp_path / ".env").warnings() == ()


@pytest.mark.parametrize("rules", TRACKED)
def test_a_file_that_no_rule_ignores_is_tracked(rules: str, tmp_path: Path) -> None:
    path = repository(tmp_path, rules)
    assert would_track(path)
    assert DotenvBackend(path).warnings() == (f"git would track {path}: add .env to .gitignore",)


def test_rules_of_folders_above_and_of_the_clone_count(tmp_path: Path) -> None:
    repository(tmp_path, "secret/\n/deep/*/.env")
    for name in ("secret/a", "deep/b", "plain"):
        (tmp_path / name).mkdir(parents=True)
    assert not would_track(tmp_path / "secret" / "a" / ".env")
    assert not would_track(tmp_path / "deep" / "b" / ".env")
    assert would_track(tmp_path / "plain" / ".env")
    (tmp_path / "plain" / ".gitignore").write_text(".env\n")
    assert not would_track(tmp_path / "plain" / ".env")
    assert would_track(tmp_path / ".env")
    (tmp_path / ".git" / "info" / "exclude").write_text("/.env\n")
    assert not would_track(tmp_path / ".env")


def test_a_file_outside_of_any_repository_is_not_tracked(tmp_path: Path) -> None:
    assert not would_track(tmp_path / ".env")
    assert DotenvBackend(tmp_path / ".env").warnings() == ()


def test_a_dotenv_file_that_others_may_read_is_warned_about(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=b\n")
    path.chmod(0o644)
    assert DotenvBackend(path).warnings() == (f"{path} may be touched by others than its owner: run chmod 600 {path}",)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("rules", [*IGNORED, *TRACKED])
def test_git_agrees(rules: str, tmp_path: Path) -> None:
    git = ["git", "-c", "core.excludesFile=", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True, timeout=20)
    (tmp_path / ".gitignore").write_text(rules + "\n")
    (tmp_path / ".env").write_text("A=b\n")
    ignored = subprocess.run([*git, "check-ignore", "-q", ".env"], check=False, timeout=20).returncode == 0
    assert would_track(tmp_path / ".env") == (not ignored)
