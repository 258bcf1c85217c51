"""Text Generation Inference, Hugging Face's server: its chat API, and the older one without turns."""

from keywright.providers.provider import Endpoint, Provider

TGI = Provider(
    name="tgi",
    title="Text Generation Inference",
    docs="https://huggingface.co/docs/text-generation-inference/messages_api",
    base_url="",
    endpoints=(
        Endpoint(kind="chat", path="/v1/chat/completions", dialect="openai_chat"),
        Endpoint(kind="chat", path="/v1/completions", dialect="openai_completions"),
        Endpoint(kind="chat", path="/generate", dialect="tgi", stream_path="/generate_stream"),
        Endpoint(kind="models", path="/v1/models", dialect="openai_chat"),
    ),
    key_optional=True,
    env=("TGI_API_KEY",),
)
