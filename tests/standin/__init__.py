"""Stand-in provider clouds: small real servers that speak a provider's wire, check what they get and can misbehave.

wire.py       HTTP/1.1 over asyncio in a thread: connections, chunks, cuts, and when the client left
script.py     what one answer shall be, or how it shall fail
reply.py      an answer as data, between a provider's request and its rendering
official.py   the provider's published JSON Schema, made strict
chat.py       OpenAI chat completions
messages.py   Anthropic messages
cloud.py      one running stand-in and everything that it saw
"""
