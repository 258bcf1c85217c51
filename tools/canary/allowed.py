"""What may hold a secret, and why. Whatever is not named here is a leak."""

import re
from typing import Final

from msgspec import Struct
from tools.canary.haystack import Hit


class Allowed(Struct, frozen=True):
    """Hits that are meant: all that is given must match. `place` is in the file's name, `site` in the name of the
    function that made the secret, `around` is what the secret stands within; `is_all`: the file says nothing but a
    secret.
    """

    reason: str
    place: str = ""
    site: str = ""
    around: str = ""
    is_all: bool = False

    def covers(self, hit: Hit) -> bool:
        """Whether `hit` is one of these."""
        return (
            re.search(self.place, hit.place) is not None
            and hit.is_all >= self.is_all
            and re.search(self.site, hit.needle.born.site) is not None
            and self._is_within(hit)
        )

    def _is_within(self, hit: Hit) -> bool:
        text = hit.needle.text.decode("utf-8", "replace")
        return not self.around or any(text in found[0] for found in re.finditer(self.around, hit.around))


_AS_JSON: Final = r'\\*"(?:admin_)?key\\*": ?\\*"'
_IN_WORDS: Final = r"(?:shown only now|until then)[^\n]{0,80}?(?:\n|\\n)\s*(?:export KEYWRIGHT_\w+=)?"

ALLOWED: Final = (
    Allowed(
        "a key that was just issued is told once, to who asked for it",
        place=r"^(answers-|commands-|said/|tests/.*/std(out|err)\.txt$)",
        around=rf"(?:{_AS_JSON}|{_IN_WORDS})[\w-]+",
    ),
    Allowed(
        "the name of a test, which says what it is tried with",
        place=r"^(captured\.xml|said/.*)$",
        around=r'name="test_[^"]*\[[^"]*"?|::test_\w+\[.*',
    ),
    Allowed(
        "uvicorn's log of requests, which pytest switches on; the program has none (server/listen.py)",
        place=r"^captured\.xml$",
        around=r"uvicorn\.access:.*",
    ),
    Allowed("a file of its own for one secret, which a file: reference names", place=r"^tests/", is_all=True),
    Allowed(
        "what the conformance suite of stores writes to file: references", place=r"/file\d+/\.?k[0-9a-f]+(\.previous)?$"
    ),
    Allowed("the token of a Kubernetes account, which a test has written", place=r"/test_a_pod_signs_in[^/]*/token$"),
    Allowed(
        "what pytest shows of a test's own variables when the test fails",
        place=r"^(captured\.xml|said/.*)$",
        around=r"KEYWRIGHT_ADMIN_KEY': '[^']*'",
    ),
    Allowed("a .env file, which a test or `secret put` has written", place=r"^tests/.*\.env(\.previous)?$"),
    Allowed("the file of a Google service account, which a test has written", place=r"^tests/.*/(account|key)\.json$"),
    Allowed("the file of a key that encrypts keys, which a test has written", place=r"^tests/.*/kek[^/]*$"),
    Allowed(
        "a keyring in a file: keyrings.alt, which only the tests use, keeps it in base64", place=r"/keyring(\.cfg)?$"
    ),
    Allowed(
        "files that no file: or dotenv: reference may name, which a test has written",
        place=r"/test_a_(secret_file_that_is_no|dotenv_file_behind_a_li)[^/]*/[a-z]+$",
    ),
    Allowed(
        "a test wrote a key where a reference belongs: that it is refused is what it tries",
        place=r"/test_(a_secret_in_the_file|no_key_comes_out)_[^/]*/keywright\.toml$",
    ),
)
