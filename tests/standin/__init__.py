"""Stand-in provider clouds: small real servers that speak a provider's wire, check what they get and can misbehave.

wire.py         HTTP/1.1 over asyncio in a thread: connections, chunks, cuts, and when the client left
script.py       what one answer shall be, or how it shall fail
reply.py        an answer as data, between a provider's request and its rendering
official.py     a provider's published JSON Schema, made strict; botoshape.py: AWS's service models
chat.py         OpenAI chat completions; responses.py: its Responses API
messages.py     Anthropic messages
gemini.py       Gemini's generateContent, with gemini_rules.py
bedrock.py      Bedrock's Converse and InvokeModel, with converse_rules.py and eventstream.py
cohere.py, mistral.py, ollama.py; fim.py: Mistral's completions that fill in a middle
whole.py        endpoints whose answers come whole: vectors.py, counts.py
cloud.py        one running stand-in and everything that it saw
"""
