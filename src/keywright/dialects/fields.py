"""Reading a JSON object field by field, where what nobody took is still there afterwards."""

from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject


class WrongFieldError(ValueError):
    """A field is missing or of the wrong type. `path` names it, `expected` says what it must be."""

    def __init__(self, path: str, expected: str) -> None:
        super().__init__(f"{path} must be {expected}")
        self.path = path
        self.expected = expected


class Fields:
    """One JSON object. Each reader takes its field away; `left` is what remains. Null counts as absent.

    Every reader raises WrongFieldError when the field has another type.
    """

    __slots__ = ("left", "path")

    def __init__(self, value: Json, path: str = "") -> None:
        if not isinstance(value, dict):
            raise WrongFieldError(path or "the body", "an object")
        self.left: JsonObject = dict(value)
        self.path = path

    def at(self, name: str) -> str:
        """The path of the field `name`."""
        return f"{self.path}.{name}" if self.path else name

    def json(self, name: str) -> Json:
        """The field, whatever it is."""
        return self.left.pop(name, None)

    def text(self, name: str) -> str | None:
        """A string."""
        value = self.left.pop(name, None)
        if value is None or isinstance(value, str):
            return value
        raise WrongFieldError(self.at(name), "a string")

    def needed_text(self, name: str) -> str:
        """A string that must be there."""
        value = self.left.pop(name, None)
        if isinstance(value, str):
            return value
        raise WrongFieldError(self.at(name), "a string")

    def number(self, name: str) -> float | None:
        """A number."""
        value = self.left.pop(name, None)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise WrongFieldError(self.at(name), "a number")

    def integer(self, name: str) -> int | None:
        """A whole number."""
        value = self.left.pop(name, None)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise WrongFieldError(self.at(name), "an integer")

    def count(self, name: str, least: int = 0, most: int = 2**31) -> int | None:
        """A whole number from `least` to `most`: what reservations multiply must not be negative."""
        value = self.integer(name)
        if value is None or least <= value <= most:
            return value
        raise WrongFieldError(self.at(name), f"an integer from {least} to {most}")

    def flag(self, name: str) -> bool | None:
        """True or false."""
        value = self.left.pop(name, None)
        if value is None or isinstance(value, bool):
            return value
        raise WrongFieldError(self.at(name), "a boolean")

    def texts(self, name: str) -> tuple[str, ...]:
        """One string, or a list of strings; none when absent."""
        value = self.left.pop(name, None)
        if value is None:
            return ()
        found = value if isinstance(value, list) else [value]
        texts = tuple(text for text in found if isinstance(text, str))
        if len(texts) == len(found):
            return texts
        raise WrongFieldError(self.at(name), "a string or an array of strings")

    def array(self, name: str) -> list[Json]:
        """A list; empty when absent."""
        value = self.left.pop(name, None)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        raise WrongFieldError(self.at(name), "an array")

    def object(self, name: str) -> "Fields | None":
        """An object, to be read on."""
        value = self.left.pop(name, None)
        return None if value is None else Fields(value, self.at(name))

    def keep(self, name: str, value: Json) -> None:
        """Put back what was taken and could not be modelled."""
        self.left[name] = value

    def extras(self, dialect: str) -> Extras:
        """What nobody took, as the extras of `dialect`."""
        return {dialect: self.left} if self.left else NO_EXTRAS


def present(fields: JsonObject) -> JsonObject:
    """`fields` without those that are null."""
    return {name: value for name, value in fields.items() if value is not None}
