"""The file in which a provider's own tool leaves the key of whoever signed in on this machine."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Formatter

from keywright.vault.home import home_path


def login_file(places: Iterable[str], environment: Mapping[str, str]) -> Path | None:
    """The file, None where nobody has signed in. Blocks on the disk.

    `places` are paths, of which the first counts whose variables are all set: `{HF_HOME}/token`; `~/` is the home.
    """
    for place in places:
        variables = {name for _, name, _, _ in Formatter().parse(place) if name}
        if all(environment.get(variable) for variable in variables):
            path = home_path(environment, place.format_map(environment))
            return path.absolute() if path.exists() else None
    return None
