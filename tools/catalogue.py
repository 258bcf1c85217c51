"""`make catalogue`: write the catalogue's data file from the installed genai-prices.

The package carries its data as Python objects. `providers` puts them back into the form of its published JSON file,
which is what `keywright.catalog.importer` reads, here as in an operator's refresh.
"""

import dataclasses
from datetime import UTC, date, datetime
from typing import Any

import genai_prices
import msgspec
from genai_prices.data import providers as installed

from keywright.catalog import importer, snapshot

SOURCE = f"genai-prices {genai_prices.__version__}"
NAMES = {"or_": "or", "and_": "and"}


def plain(value: Any) -> Any:
    """`value` of genai-prices' classes as dicts and lists, without what is not set."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) or isinstance(value, genai_prices.types.ModelPrice):
        fields = {NAMES.get(name, name): plain(field) for name, field in vars(value).items()}
        return {name: field for name, field in fields.items() if field is not None}
    return value


def build(as_of: str) -> bytes:
    """The data file of the day `as_of`, from the installed genai-prices."""
    models = [
        {name: plain(field) for name, field in vars(provider).items() if field is not None and name != "extractors"}
        for provider in installed
    ]
    source = msgspec.convert(models, type=list[importer.SourceProvider])
    return snapshot.encode(importer.snapshot(source, SOURCE, as_of))


def main() -> None:
    """Write the file; its date changes only when something else does."""
    file = snapshot.DATA_FILE
    if file.exists():
        old = file.read_bytes()
        if build(snapshot.decode(old).as_of) == old:
            print(f"{file.name} is up to date with {SOURCE}")
            return
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(build(datetime.now(UTC).date().isoformat()))
    print(f"wrote {file.name} from {SOURCE}")


if __name__ == "__main__":
    main()
