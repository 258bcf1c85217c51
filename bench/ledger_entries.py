"""Ten million entries of a ledger, made as fast as a database takes them, and rolled up by SQL.

Ninety days, twenty projects with ten keys each, forty models at five providers, two credentials at each. Few keys make
most of the calls and few models serve most of them; nights are quieter than days; costs grow over the weeks. Two calls
of three have tags, out of some two hundred sets. One in thirty is not answered.
"""

import random
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, TypeAlias

from msgspec import Struct

from keywright.store.groups import number
from keywright.store.rollups import DAY_S, HOUR_S

DAYS: Final = 90
END_S: Final = 1_795_564_800
"""2026-11-25T00:00 UTC; all entries start before it."""
START_S: Final = END_S - DAYS * DAY_S
KEYS: Final = 200
PROJECTS: Final = 20
MODELS: Final = 40
PROVIDERS: Final = ("openai", "anthropic", "gemini", "groq", "bedrock")
TEAMS: Final = 10
APPS: Final = 20
HOURS: Final = (2, 1, 1, 1, 1, 2, 3, 5, 8, 10, 11, 11, 10, 11, 12, 11, 10, 9, 7, 5, 4, 3, 3, 2)
"""How busy each hour of the day is."""
UNPRICED: Final = 3
"""So many of the models have no price."""

_DOCUMENT: Final = (
    '{{"dialect":"openai_chat","endpoint":"chat","decision":"key:all","verbatim":true,"attempts":[{{"provider":'
    '"{provider}","model":"{model}","credential":"{credential}","result":"ok","status":200,"took_us":%d}}],"usage":{{"input":%d,'
    '"output":%d,"reasoning":%d,"cache_read":%d}},"usage_source":"provider","price":"{price}","total_us":%d,'
    '"first_byte_us":%d,"overhead_us":110,"tags":[{tags}],"owner":"{owner}","reserved_picodollars":9000000000,'
    '"reserved":["bud_1@0"],"charged":["bud_1@0","bud_2@1793491200"]}}'
)

Row: TypeAlias = tuple[str | int, ...]


class Kind(Struct, frozen=True):
    """Calls that differ in nothing but time, tokens and address. `texts`: the columns that they share."""

    texts: tuple[str | int, ...]
    network: int
    group: tuple[str | int, ...]
    group_id: int
    tags_id: int
    tags: tuple[str, ...]
    document: str
    factor: int


class World:
    """Who calls what. The same for the same seed."""

    def __init__(self, seed: int = 4) -> None:
        self.random = random.Random(seed)
        self.keys = [f"{self.random.getrandbits(64):016x}" for _ in range(KEYS)]
        self.models = [
            (PROVIDERS[at % len(PROVIDERS)], f"model-{at:02}-{self.random.choice(('mini', 'large', 'fast'))}")
            for at in range(MODELS)
        ]
        self.kinds = [kind for at in range(KEYS) for kind in self._kinds(at)]
        self._reach = list(accumulate(self.random.paretovariate(0.9) for _ in self.kinds))

    def groups(self) -> dict[int, tuple[str | int, ...]]:
        """Rows of `usage_groups`, by their number."""
        return {kind.group_id: kind.group for kind in self.kinds}

    def tag_sets(self) -> set[tuple[int, str]]:
        """Rows of `tag_sets`."""
        return {(kind.tags_id, tag) for kind in self.kinds for tag in kind.tags}

    def rows(self, entries: int) -> Iterator[Row]:
        """Rows of `entries`, in the order of time."""
        chance, reach, kinds = self.random.random, self._reach, self.kinds
        hours = list(accumulate(HOURS * DAYS))
        total, hour = hours[-1], 0
        for at in range(entries):
            place = total * at / entries
            while hours[hour] <= place:
                hour += 1
            into = 1 - (hours[hour] - place) / HOURS[hour % 24]
            started_us = (START_S + hour * HOUR_S) * 10**6 + int(into * HOUR_S * 10**6)
            kind = kinds[bisect(reach, chance() * reach[-1])]
            prompt, output = int(6000 * chance() * chance()), int(1500 * chance() ** 2)
            read, reasoning, took_us = prompt // 3, output // 4, int(4e6 * chance())
            cost = 0 if not kind.factor else kind.factor * (prompt + 4 * output) * (DAYS + hour // 24)
            document = kind.document % (
                took_us,
                prompt - read,
                output - reasoning,
                reasoning,
                read,
                took_us,
                took_us // 3,
            )
            yield (
                f"req_{started_us:x}{at:07x}",
                started_us,
                *kind.texts,
                f"10.{kind.network}.{int(chance() * 4)}.{int(chance() * 9)}",
                kind.group_id,
                kind.tags_id,
                *(prompt, read, 0, output, reasoning, cost),
                document,
            )

    def _kinds(self, at: int) -> Iterator[Kind]:
        key, project = self.keys[at], f"project-{at % PROJECTS:02}"
        owner = f"user-{at % 90}" if at % 3 else f"service-{at % 30}"
        for _ in range(6):
            place = int(MODELS * self.random.random() ** 2)
            provider, model = self.models[place]
            credential = f"{number((provider, str(at % 2))) % 16**12:012x}"
            tags = self._tags(at)
            price = "" if place >= MODELS - UNPRICED else f"{provider}/{model}@2026-08-01"
            for outcome in ("ok", "ok", "ok", "failed") if self.random.random() < 0.1 else ("ok",):
                served = f"{provider}/{model}" if outcome == "ok" else ""
                texts = (project, key, provider, served, model, credential, outcome, 200 if served else 502)
                unpriced = int(not price and served != "")
                group = (project, key, owner, provider, served, model, credential, outcome, unpriced)
                quoted = ",".join(f'["{name}","{value}"]' for name, _, value in (tag.partition("=") for tag in tags))
                document = _DOCUMENT.format(
                    provider=provider, model=model, credential=credential, price=price, tags=quoted, owner=owner
                )
                factor = (place % 7 + 1) * 1000 if price and served else 0
                tags_id = number(tags) if tags else 0
                yield Kind(texts, at, group, number(group), tags_id, tags, document, factor)

    def _tags(self, at: int) -> tuple[str, ...]:
        if self.random.random() < 1 / 3:
            return ()
        return (f"app=app-{at % APPS}", f"team=team-{self.random.randrange(TEAMS)}")
