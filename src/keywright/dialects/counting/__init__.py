"""Counting tokens: one module per wire, each with the names of `core.dialect.Wire`.

| module | question |
|---|---|
| `anthropic`, `openai`, `gemini`, `vertex` | how does that provider's own count go? |
| `estimate`, `picture` | how many are there, about, when nobody can be asked? |
"""
