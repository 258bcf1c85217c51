"""`keywright.toml` itself: read, parsed, checked."""

import os
from pathlib import Path
from typing import Final

from keywright.config.document import read_document
from keywright.config.faults import Faults
from keywright.config.reading import read_struct
from keywright.config.rules import check
from keywright.config.tree import Config
from keywright.core.errors import ConfigError

FILE_BYTES_MAX: Final = 262_144


def load(path: Path) -> Config:
    """The configuration in the file `path`.

    Raises:
        ConfigError: it cannot be read, or as `parse` does.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        text = content.decode()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    if len(content) > FILE_BYTES_MAX:
        raise ConfigError(f"{path}: larger than {FILE_BYTES_MAX} bytes")
    return parse(text, os.fspath(path))


def parse(text: str, name: str = "keywright.toml") -> Config:
    """The configuration that `text` writes. `name` is what the file is called in messages.

    Raises:
        ConfigError: every fault that was found, one on a line: `FILE:LINE: KEY: MESSAGE`. No value is repeated in it.
    """
    document = read_document(text, name)
    faults = Faults(document, name)
    config = read_struct(Config, document.values, (), faults)
    assert config is not None  # only a missing key could prevent the root, and none of its keys is required
    named = document.values.get("providers")
    check(config, list(named) if isinstance(named, dict) else [], faults)
    faults.raise_if_any()
    return config
