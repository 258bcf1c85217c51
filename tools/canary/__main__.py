"""`make canary`: run tests with all secrets written down, then search all that is left of the run.

Exit code 0: nothing was found but what may be; 1: a leak; 2: the sweep itself is at fault.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.canary.allowed import ALLOWED
from tools.canary.control import FOLDER, draw, plant
from tools.canary.haystack import Haystack, Hit
from tools.canary.needles import Born, born_in, is_searchable, needles_of

SITE: Final = Path(__file__).parent / "site"
VARIABLE: Final = "KEYWRIGHT_CANARY"
SHOWN_MAX: Final = 200


def main(words: Sequence[str]) -> int:
    """Run, search, and tell."""
    parser = argparse.ArgumentParser(prog="canary", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".sweep"), help="where all is kept; must not exist")
    parser.add_argument("--search-only", action="store_true", help="search what an earlier run has left")
    parser.add_argument("tests", nargs="*", help="words for pytest (else the whole suite, by four processes)")
    given = parser.parse_args(words)
    folder: Path = given.folder.absolute()
    if not given.search_only:
        if folder.exists():
            print(f"{folder} exists; remove it, or say --search-only", file=sys.stderr)
            return 2
        code = run(folder, given.tests or ["-n", "4", "--dist", "loadfile", "--no-loadscope-reorder"])
        print(f"pytest ended with {code}")
    return search(folder)


def run(folder: Path, words: Sequence[str]) -> int:
    """Run pytest with `words`; everything is kept below `folder`. Its exit code."""
    kept = folder / "kept"
    kept.mkdir(parents=True)
    path = os.pathsep.join(filter(None, (str(SITE), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, VARIABLE: str(folder), "PYTHONPATH": path}
    options = [f"--basetemp={kept / 'tests'}", f"--junitxml={kept / 'captured.xml'}", "--log-level=INFO"]
    options += ["-o", "junit_logging=all", "-o", "tmp_path_retention_policy=all", "--timeout=180"]
    return subprocess.run([sys.executable, "-m", "pytest", *options, *words], env=environment, check=False).returncode


def search(folder: Path) -> int:
    """Search what `folder` keeps, and tell of it. The exit code of the program."""
    began_s = time.monotonic()
    kept = folder / "kept"
    born = born_in(folder / "born")
    searched = [each for each in born if is_searchable(each.value)]
    canary = Born(draw(), "control")
    planted = plant(folder / FOLDER, canary.value) if not (folder / FOLDER).exists() else ()
    haystack = Haystack(needles_of([*searched, canary]))
    seen = {hit.place.split(" ")[0] for hit in haystack.folder(folder / FOLDER)}
    missed = set(planted) - seen
    controlled = haystack.searched.files
    hits = list(haystack.folder(kept))
    leaks = [hit for hit in hits if not any(each.covers(hit) for each in ALLOWED)]
    told = haystack.searched
    print(f"{len(born)} secrets were held, {len(searched)} of them searched for in {told.files - controlled} files")
    print(f"({told.size_bytes} bytes with what they hold, {time.monotonic() - began_s:.0f} s)")
    print(f"{len(planted) - len(missed)} of {len(planted)} planted secrets were found", *sorted(missed))
    for each in ALLOWED:
        print(f"{sum(map(each.covers, hits)):7} allowed: {each.reason}")
    for name in haystack.unread:
        print(f"not searched: {name}")
    for line in sorted(_lines(leaks))[:SHOWN_MAX]:
        print(line)
    print(f"{len(leaks)} hits are leaks")
    return 2 if missed or not planted else 1 if leaks else 0


def _lines(leaks: Sequence[Hit]) -> list[str]:
    """One line for each file and place of birth."""
    count = Counter((hit.place, hit.needle.born.site, hit.needle.form) for hit in leaks)
    first = {(hit.place, hit.needle.born.site, hit.needle.form): hit.around for hit in reversed(leaks)}
    return [
        f"LEAK {place} ({site}, {form}, {count[place, site, form]}x): {around!r}"
        for (place, site, form), around in first.items()
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
