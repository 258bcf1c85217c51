"""What a request of the administration API carries in its scope's `state`, from the door to the routes and back."""

from typing import Final

PATH: Final = "/api/v1"
"""Where the API is."""

SLASH: Final = "%2F"
"""A slash within a name, in a path that is unescaped otherwise: what parts the path is only a plain one."""

ID: Final = "keywright_id"
"""The request's own name."""
ACTOR: Final = "keywright_actor"
"""Who acts."""
DESK: Final = "keywright_desk"
"""What on."""
KEPT: Final = "keywright_kept"
"""What is kept of the answer in place of its body, where that tells a secret."""
