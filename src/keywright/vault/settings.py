"""What can be said of a store of secrets, in `[secrets.NAME]`.

What is not said is taken from where the store's own tools take it: `VAULT_ADDR`, `AWS_REGION`,
`GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_TENANT_ID` and the like.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

Word: TypeAlias = Annotated[str, Meta(min_length=1, max_length=1024)]
Wait: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]
Keep: TypeAlias = Annotated[float, Meta(ge=0, le=2_592_000)]
VaultLogin: TypeAlias = Literal["token", "approle", "kubernetes", "jwt"]


class StoreSettings(Struct, frozen=True, kw_only=True):
    """One store. `kind`: "" means that its name is one.

    `ttl_s`: after how many seconds a secret is read again, in the background (None: as is usual for the kind).
    `keep_s`: for how long the last good value counts while the store cannot be read. `timeout_s`: how long one question
    to the store may take.

    What only some kinds know; REF is a reference to a secret of this machine (`env`, `dotenv`, `file`, `keyring`):

    `vault`: `address`, `namespace`, `ca_file`; `login` and what it needs: `token` REF; `role_id`, `secret_id` REF
    (AppRole); `role` and `jwt_file` (Kubernetes, JWT: the file is read at every login); `login_mount`: where that
    method is mounted ("" where it usually is).
    `aws-sm`: `region`, `endpoint`, `profile`, `role_arn`. `gcp-sm`: `credentials` REF (a service account's JSON),
    `endpoint`. `azure-kv`: `tenant_id`, `client_id`, `client_secret` REF, `endpoint` (of the vault), `ca_file`.
    `dotenv`: `path`.
    `sealed`: `kek`: where the key that encrypts keys is; the first encrypts, the others can still decrypt:
    `file:/path`, `keyring:service/name`, `aws-kms://KEY`, `gcp-kms://projects/P/locations/L/keyRings/R/cryptoKeys/K`,
    `azure-key://VAULT/KEY`, `vault-transit://MOUNT/KEY`. A KMS is reached as the settings of the table
    `[secrets.aws-sm]`, `[secrets.gcp-sm]`, `[secrets.azure-kv]` or `[secrets.vault]` say.
    """

    kind: str = ""
    ttl_s: Wait | None = None
    keep_s: Keep = 86_400.0
    timeout_s: Wait = 10.0
    address: Word | None = None
    namespace: Word | None = None
    ca_file: Word | None = None
    login: VaultLogin | None = None
    login_mount: Word | None = None
    token: Word | None = None
    role: Word | None = None
    role_id: Word | None = None
    secret_id: Word | None = None
    jwt_file: Word | None = None
    region: Word | None = None
    endpoint: Word | None = None
    profile: Word | None = None
    role_arn: Word | None = None
    credentials: Word | None = None
    tenant_id: Word | None = None
    client_id: Word | None = None
    client_secret: Word | None = None
    path: Word | None = None
    kek: tuple[Word, ...] = ()
