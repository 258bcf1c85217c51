"""`vault://mount/path#field`: HashiCorp Vault and OpenBao, which speak the same API.

`server`: where it is. `exchange`, `wire`: what is said to it, and one saying. `refusal`: what its refusals mean.
`login`, `tokens`: how a token is had, and kept. `session`: asking with it. `mounts`: what kind of engine has a path.
`kv1`, `kv2`, `leases`: one file for each kind. `backend`: the whole.
"""

from keywright.vault.backends.vault.backend import VaultBackend

__all__ = ["VaultBackend"]
