"""Every model that was recorded answering a chat has a price, or stands here by name."""

import json
from collections.abc import Iterator

from keywright.catalog.catalogue import Catalogue, price_at
from tests.conftest import shared_dir

NOW_S = 1_795_500_000
HOSTS = {"api.openai.com": "openai", "api.anthropic.com": "anthropic"}
CHAT = {"chat.completions", "messages"}

UNPRICED = {
    ("openai", "muse-spark-1.1"),  # Meta's, recorded under OpenAI's address: the recorder's mask
}


def served() -> Iterator[tuple[str, str]]:
    """Catalogue and name of each model that was asked for, and of each that the answer names."""
    for file in HOSTS.values():
        for line in (shared_dir("traffic") / f"{file}.jsonl").read_text(encoding="utf-8").splitlines():
            exchange = json.loads(line)
            if exchange["endpoint"] not in CHAT or exchange["status"] >= 300 or exchange["host"] not in HOSTS:
                continue
            for body in (exchange["request_json"], exchange.get("response_json")):
                if isinstance(body, dict) and isinstance(body.get("model"), str):
                    yield HOSTS[exchange["host"]], body["model"]


def test_every_recorded_model_is_priced_or_listed_as_unpriced(catalogue: Catalogue) -> None:
    names = set(served())
    assert len(names) > 50
    unpriced = {
        (vendor, name)
        for vendor, name in names
        if (model := catalogue.find(vendor, name)) is None or price_at(model, NOW_S) is None
    }
    assert unpriced == UNPRICED
