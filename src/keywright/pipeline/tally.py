"""What has come of a stream that is translated? Events → what was used, and what is still open."""

from keywright.core.dialect import Tapped
from keywright.core.event import Closed, Ended, Event, Failed, Finished, Metered, Opened, Started, TextDelta
from keywright.core.failure import Failure
from keywright.core.generated import generated_in
from keywright.core.response import Finish
from keywright.core.usage import Usage


class Tally:
    """Takes events one by one. `chars`: how many characters they brought; `usage`: what the provider told last."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        self.chars = 0
        self._billed: Usage | None = None
        self._tier = ""
        self._model: str | None = None
        self._complete = False
        self._open: set[tuple[int, int]] = set()  # choices and parts
        self._choices: dict[int, bool] = {0: False}  # whether they have ended

    def add(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, TextDelta):  # nearly all are
            self.chars += len(event.text)
            return
        self.chars += generated_in(event)
        match event:
            case Opened():
                self._open.add((event.choice, event.part))
                self._choices.setdefault(event.choice, False)
            case Closed():
                self._open.discard((event.choice, event.part))
            case Finished():
                self._choices[event.choice] = True
            case Metered():
                self.usage, self._billed, self._tier = event.usage, event.billed, event.tier
            case Started():
                self._model = event.model
            case Failed():
                self.failure = event.failure
            case Ended():
                self._complete = True
            case _:
                pass

    def ending(self, usage: Usage) -> list[Event]:
        """The events that end the answer now, as one that has reached its limit of length, having used `usage`."""
        return [
            *(Closed(part, choice) for choice, part in sorted(self._open)),
            *(Finished(Finish("length"), choice) for choice, ended in sorted(self._choices.items()) if not ended),
            Metered(usage),
            Ended(),
        ]

    def tapped(self) -> Tapped:
        """What was used so far."""
        return Tapped(
            usage=self.usage,
            model=self._model,
            failure=self.failure,
            output_chars=self.chars,
            complete=self._complete,
            billed=self._billed,
            tier=self._tier,
        )
