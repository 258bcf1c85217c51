"""Embeddings: one module per wire, each with the names of `core.dialect.Wire`.

| module | question |
|---|---|
| `openai` | how do OpenAI and those who copy it speak? |
| `mistral` | Mistral, who copies it, with an id |
| `cohere` | Cohere's `/v2/embed` |
| `gemini`, `gemini_single` | Gemini's `batchEmbedContents`, and its `embedContent` |
| `gemini_item` | one request of either |
| `vertex` | Vertex AI's `predict` |
| `titan`, `nova`, `bedrock_cohere` | InvokeModel: the bodies of Amazon's models, and of Cohere's |
| `ollama` | Ollama's `/api/embed`, and its older `/api/embeddings` |
| `feature_extraction` | Hugging Face's feature extraction |
| `inputs` | what becomes a vector, and what of a request cannot be said to another? |
| `vectors` | how are a vector's numbers written? |
"""
