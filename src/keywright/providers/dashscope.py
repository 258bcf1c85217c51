"""Alibaba Cloud Model Studio: Qwen. In China the address is `https://dashscope.aliyuncs.com/compatible-mode/v1`."""

from keywright.providers.provider import BATCHES, CHAT, COMPLETIONS, EMBEDDINGS, FILES, MODELS, RESPONSES, Provider

DASHSCOPE = Provider(
    name="dashscope",
    title="Alibaba Cloud Model Studio",
    docs="https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
    base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    endpoints=(CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS, MODELS, FILES, BATCHES),
    env=("DASHSCOPE_API_KEY",),
    answer_headers=("x-request-id",),
)
