"""A Text Generation Inference server, or a dedicated endpoint, whose model has no chat template: prompts only."""

from keywright.providers.provider import Endpoint, Provider

TGI_GENERATE = Provider(
    name="tgi-generate",
    title="Text Generation Inference, prompts only",
    docs="https://huggingface.co/docs/text-generation-inference/basic_tutorials/consuming_tgi",
    base_url="",
    endpoints=(
        Endpoint(kind="chat", path="/generate", dialect="tgi", stream_path="/generate_stream"),
        Endpoint(kind="models", path="/v1/models", dialect="openai_chat"),
    ),
    key_optional=True,
    env=("TGI_API_KEY",),
)
