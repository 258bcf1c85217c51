"""Whether git would track a file, told from `.gitignore` files alone: the gateway starts no other program.

It covers what people write about one file (names, globs, anchored paths, folders, negation); where a rule is
beyond it the answer is "would track", because a needless warning costs less than a committed key. A file that was
committed before it was ignored is not seen.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path


def would_track(file: Path) -> bool:
    """Whether `file` lies in a git work tree and no rule ignores it."""
    file = Path(file.parent.resolve(), file.name)
    root = next((folder for folder in file.parents if (folder / ".git").exists()), None)
    if root is None:
        return False
    return not any(_ignored(part, root) for part in [file, *file.parents] if root in part.parents)


def _ignored(path: Path, root: Path) -> bool:
    """Whether the last rule that matches `path` itself ignores it; rules nearer to the file come later."""
    ignored = False
    for folder, line in _rules(path, root):
        negated = line.startswith("!")
        if _matches(line.removeprefix("!"), path, folder):
            ignored = not negated
    return ignored


def _rules(path: Path, root: Path) -> Iterator[tuple[Path, str]]:
    folders = [folder for folder in reversed(path.parents) if folder == root or root in folder.parents]
    sources = [(root, root / ".git" / "info" / "exclude")]
    sources += [(folder, folder / ".gitignore") for folder in folders]
    for folder, source in sources:
        try:
            text = source.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            rule = line.rstrip()
            if rule and not rule.startswith("#"):
                yield folder, rule


def _matches(rule: str, path: Path, folder: Path) -> bool:
    if rule.endswith("/"):
        if not path.is_dir():
            return False
        rule = rule.rstrip("/")
    while rule.startswith("**/"):
        rule = rule.removeprefix("**/")
    if "/" not in rule:
        return fnmatchcase(path.name, rule)
    names = path.relative_to(folder).parts
    globs = rule.lstrip("/").split("/")
    return len(names) == len(globs) and all(map(fnmatchcase, names, globs))
