"""What an encoder carries through its work: what the model understands, and what could not be said."""

from keywright.core.ability import Abilities
from keywright.core.json import Extras, JsonObject
from keywright.core.loss import Loss
from keywright.core.message import CacheMark
from keywright.dialects.foreign import foreign_losses
from keywright.dialects.openai_chat.fields import NAME


class Target:
    """The model that is spoken to, and the losses so far (each path once).

    `name` is the dialect, and `vendor` whose it is, where it is another one on top of this.
    """

    def __init__(self, abilities: Abilities, name: str = NAME, vendor: str = "OpenAI") -> None:
        self.abilities = abilities
        self.losses: dict[str, Loss] = {}
        self._name = name
        self._vendor = vendor

    def knob(self, path: str, why: str) -> None:
        """Report something dropped that only tunes."""
        self.losses.setdefault(path, Loss(path, why))

    def meaning(self, path: str, why: str) -> None:
        """Report something without which the request would mean something else."""
        self.losses[path] = Loss(path, why, "meaning")

    def mark(self, cache: CacheMark | None, extra: JsonObject) -> JsonObject:
        """The field that says `cache`, which several vendors take; none when the client's own words `extra` say it."""
        if cache is None or "cache_control" in extra:
            return {}
        if not self.abilities.cache_marks:
            self.knob("cache", f"{self._vendor} caches by itself and refuses marks")
            return {}
        lifetime: JsonObject = {} if cache.ttl is None else {"ttl": cache.ttl}
        return {"cache_control": {"type": "ephemeral", **lifetime}}

    def extras(self, extras: Extras, path: str = "") -> JsonObject:
        """This dialect's share of `extras`; every other dialect's fields are lost."""
        if extras:
            for loss in foreign_losses(extras, self._name, path, f"{self._vendor} has no such field"):
                self.losses.setdefault(loss.path, loss)
        return extras.get(self._name) or {}
