"""Reranking: one module per wire, each with the names of `core.dialect.Wire`.

| module | question |
|---|---|
| `cohere` | Cohere's `/v2/rerank`, and what `/v1/rerank` has beside |
| `jina` | Jina's `/v1/rerank`, as vLLM, OpenRouter and others speak it |
| `candidates` | what is ranked, and how is it given back? |
"""
