"""Embeddings: one module per wire, each with the names of `core.dialect.Wire`.

| module | question |
|---|---|
| `openai` | how do OpenAI and those who copy it speak? |
| `mistral` | Mistral, who copies it, with an id |
| `cohere` | Cohere's `/v2/embed` |
| `ollama` | Ollama's `/api/embed`, and its older `/api/embeddings` |
| `feature_extraction` | Hugging Face's feature extraction |
| `inputs` | what becomes a vector, and what of a request cannot be said to another? |
| `vectors` | how are a vector's numbers written? |
"""
