"""What may hold a secret, and why. Whatever is not named here is a leak."""

import re
from typing import Final

from msgspec import Struct
from tools.canary.haystack import Hit


class Allowed(Struct, frozen=True):
    """Hits that are meant: all that is given must match. `place` is the beginning of a file's name or more of it,
    `site` the function that made the secret, `around` what stands there.
    """

    reason: str
    place: str = ""
    site: str = ""
    around: str = ""

    def covers(self, hit: Hit) -> bool:
        """Whether `hit` is one of these."""
        return (
            re.search(self.place, hit.place) is not None
            and re.search(self.site, hit.needle.born.site) is not None
            and re.search(self.around, hit.around, re.DOTALL) is not None
        )


ALLOWED: Final[tuple[Allowed, ...]] = ()
