"""The embedded model. Who starts its server gives its address."""

from keywright.providers.provider import OPENAI_FACE, Provider

LOCAL = Provider(
    name="local",
    title="The embedded model",
    docs="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
    base_url="",
    endpoints=OPENAI_FACE,
    key_optional=True,
    free=True,
)
