"""What an encoder carries through its work: what the model understands, and what could not be said."""

from keywright.core.ability import Abilities
from keywright.core.json import Extras, JsonObject
from keywright.core.loss import Loss
from keywright.dialects.foreign import foreign_losses
from keywright.dialects.openai_responses.fields import NAME, own


class Target:
    """The model that is spoken to, and the losses so far (each path once).

    `plain`: the client speaks this dialect itself, so what it says goes out as it is. `stored`: the provider may look
    up items that it made earlier.
    """

    def __init__(self, abilities: Abilities, *, plain: bool = True, stored: bool = True) -> None:
        self.abilities = abilities
        self.plain = plain
        self.stored = stored
        self.losses: dict[str, Loss] = {}

    def knob(self, path: str, why: str) -> None:
        """Report something dropped that only tunes."""
        self.losses.setdefault(path, Loss(path, why))

    def meaning(self, path: str, why: str) -> None:
        """Report something without which the request would mean something else."""
        self.losses[path] = Loss(path, why, "meaning")

    def extras(self, extras: Extras, path: str = "") -> JsonObject:
        """This dialect's share of `extras`; every other dialect's fields are lost."""
        if extras:
            for loss in foreign_losses(extras, NAME, path, "the Responses API has no such field"):
                self.losses.setdefault(loss.path, loss)
        return own(extras)
