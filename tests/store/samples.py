"""One of each noun, with no field left at its default where that shows more."""

from ipaddress import ip_network
from typing import Final

from keywright.core.entry import Attempt, Entry, Reservation
from keywright.core.identity import Key
from keywright.core.usage import Usage

START_S: Final = 1_764_000_000
START_US: Final = START_S * 10**6

KEY: Final = Key(
    id="key_1",
    kind="service",
    name="search",
    sha256=bytes(range(32)),
    created_s=START_S,
    project="shop",
    owner="ann",
    permission="restricted",
    models=("openai/*", "fast"),
    endpoints=("chat",),
    cidrs=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")),
    expires_s=START_S + 60,
    allow_unpriced=True,
)

RESERVATION: Final = Reservation(
    id="req_1",
    started_us=START_US,
    key_id="key_1",
    project="shop",
    dialect="openai_chat",
    endpoint="chat",
    model="fast",
    worst_picodollars=5_000_000_000,
    reserved=("bud_1@0",),
    charged=("bud_1@0", "bud_2@0"),
    owner="ann",
    address="10.1.2.3",
    tags=(("team", "search"),),
)

ENTRY: Final = Entry(
    id="req_1",
    started_us=START_US,
    key_id="key_1",
    project="shop",
    dialect="openai_chat",
    endpoint="chat",
    model="fast",
    outcome="ok",
    status=200,
    served="openai/gpt-5-mini",
    provider="openai",
    credential="0123456789ab",
    code="none",
    decision="default.allow",
    stream=True,
    verbatim=True,
    attempts=(
        Attempt(provider="groq", model="llama", credential="ba9876543210", result="overloaded", status=503, took_us=9),
        Attempt(provider="openai", model="gpt-5-mini", credential="0123456789ab", result="ok", status=200, took_us=81),
    ),
    usage=Usage(input=1200, output=300, cache_read=512, reasoning=7),
    usage_source="provider",
    price="openai/gpt-5-mini@2026-01-01",
    cost_picodollars=912_345_678,
    total_us=812_999,
    first_byte_us=200_000,
    overhead_us=300,
    tags=(("team", "search"),),
    losses=("logit_bias",),
    owner="ann",
    address="10.1.2.3",
    reserved_picodollars=1_000_000_000,
    reserved=("bud_1@0",),
    charged=("bud_1@0", "bud_2@0"),
)
