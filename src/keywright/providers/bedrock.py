"""AWS Bedrock: by a Bedrock API key, long-term or short-term, or signed with AWS's own credentials.

An API key works for Bedrock's own calls, but not for streams in both directions, agents and data automation, and it
cannot administer keys: that needs AWS credentials.
"""

from keywright.providers.provider import Check, Endpoint, Provider, Setting, SigV4

CLAUDE = ("*anthropic.claude*",)

BEDROCK = Provider(
    name="bedrock",
    title="AWS Bedrock",
    docs="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
    base_url="https://bedrock-runtime.{region}.amazonaws.com",
    base_urls=(("region", "cn-*", "https://bedrock-runtime.{region}.amazonaws.com.cn"),),
    endpoints=(
        Endpoint(
            kind="chat",
            path="/model/{model}/converse",
            dialect="bedrock_converse",
            stream_path="/model/{model}/converse-stream",
        ),
        Endpoint(
            kind="chat",
            path="/model/{model}/invoke",
            dialect="bedrock_invoke",
            stream_path="/model/{model}/invoke-with-response-stream",
            models=CLAUDE,
            prefers=("anthropic",),
        ),
        Endpoint(
            kind="chat",
            path="/model/{model}/invoke",
            dialect="bedrock_invoke",
            stream_path="/model/{model}/invoke-with-response-stream",
        ),
        Endpoint(
            kind="embeddings",
            path="/model/{model}/invoke",
            dialect="titan_embeddings",
            models=("*amazon.titan-embed*",),
        ),
        Endpoint(
            kind="embeddings",
            path="/model/{model}/invoke",
            dialect="bedrock_cohere_embeddings",
            models=("*cohere.embed*",),
        ),
        Endpoint(
            kind="embeddings", path="/model/{model}/invoke", dialect="nova_embeddings", models=("*amazon.nova*embed*",)
        ),
        Endpoint(kind="count", path="/model/{model}/count-tokens", dialect="bedrock_count", models=CLAUDE),
    ),
    identity=SigV4("bedrock"),
    check=Check(
        "https://bedrock.{region}.amazonaws.com/foundation-models?byProvider=amazon",
        dead_words=("security token included in the request is invalid", "UnrecognizedClientException"),
    ),
    env=("AWS_BEARER_TOKEN_BEDROCK",),
    base_url_env="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    settings=(
        Setting("region", env=("AWS_REGION", "AWS_DEFAULT_REGION"), default="us-east-1"),
        Setting("profile", env=("AWS_PROFILE",)),
        Setting("role_arn"),
        Setting("mint_short_term_keys"),
    ),
    usage_headers=("x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count"),
    error_header="x-amzn-errortype",
    answer_headers=("x-amzn-requestid", "x-amzn-bedrock-invocation-latency"),
    catalogue="aws",
    open_models=True,
)
