"""The token of Hugging Face, where its own tools leave it: two variables, then a file of their login."""

from collections.abc import Mapping
from typing import Final

from keywright.core.secret import Secret
from keywright.vault.backend import accept
from keywright.vault.file import FileBackend, on_read_only_mount
from keywright.vault.home import home_path
from keywright.vault.reference import Reference

VARIABLES: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def huggingface_token(environment: Mapping[str, str]) -> Secret | None:
    """The token of this machine's user; None where nobody has signed in. Blocks on the disk.

    Raises:
        SecretError: what is there cannot be a token, or its file is open to others.
    """
    for variable in VARIABLES:
        text = environment.get(variable, "").strip()
        if text:
            return accept(Reference("env", variable), text)
    home = environment.get("HF_HOME") or f"{environment.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    path = home_path(environment, environment.get("HF_TOKEN_PATH") or f"{home}/token")
    if not path.exists():
        return None
    return FileBackend(on_read_only_mount).read(Reference("file", str(path)))
