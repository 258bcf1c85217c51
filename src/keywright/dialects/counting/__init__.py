"""Counting tokens: one module per wire, each with the names of `core.dialect.Wire`.

| module | question |
|---|---|
| `anthropic`, `openai`, `gemini`, `vertex`, `bedrock` | how does that provider's own count go? |
| `counted` | which losses change no count, and how is one told? |
| `estimate`, `picture` | how many are there, about, when nobody can be asked? |
"""
