"""The text that `keywright init` writes. A setting that is commented out starts with `#` and no space."""

from typing import Final

TEMPLATE: Final = """\
# keywright.toml: the configuration of Keywright. `keywright config check` says whether it is right.
# A changed file is picked up while the gateway runs; a broken one is refused and the old one stays.
#
# No secret stands in this file, only where it is kept:
#   env:NAME       a variable of the environment
#   dotenv:NAME    a variable of the file .env beside this one
#   file:/path     the only line of a file that nobody but its owner may read

[server]
host = "127.0.0.1"
port = 4100
#workers = 1
#shutdown_s = 30              # how long calls in flight may still take at the end
#body_bytes_max = 33_554_432  # the largest request
#calls_max = 4096             # calls at one time in one worker
#tls_certificate = "tls/fullchain.pem"  # with tls_key: the gateway speaks HTTPS itself
#tls_key = "tls/key.pem"

[store]
url = "sqlite:///keywright.db"
#url = "postgresql://keywright@localhost/keywright"
#password = "env:KEYWRIGHT_STORE_PASSWORD"
#spool = "/var/lib/keywright/spool"

# A built-in provider: its name and its key are enough. Several keys are tried in order.
#[providers.openai]
#api_key = "env:OPENAI_API_KEY"
#models = ["gpt-*", "o?-*"]                     # all when left out
#timeout_s = { connect = 5, first_byte = 120, idle = 60, total = 900 }
#connections_max = 512

#[providers.anthropic]
#api_key = ["env:ANTHROPIC_API_KEY", "file:/run/secrets/anthropic"]

# Any other server that speaks one of the known APIs.
#[providers.edge]
#kind = "openai-compatible"
#base_url = "http://127.0.0.1:8000/v1"
#api_key = "dotenv:EDGE_API_KEY"
#headers = { x-team = "search" }
#ca_file = "/etc/ssl/edge.pem"
#proxy = ""                                     # "" for none; left out: the environment's

# An alias, with the models that serve it in the order in which they are tried.
#[models.fast]
#route = ["openai/gpt-5-mini", "anthropic/claude-haiku-4-5"]

# Your own price wins over the catalogue: US dollars per million tokens, in quotes.
#[[prices]]
#model = "edge/my-model"
#input = "0.10"
#output = "0.40"
#per_request = "0"

#[retry]
#attempts = 3
#backoff_s = 0.5
"""
