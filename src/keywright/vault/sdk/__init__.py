"""Vendors' SDKs, as backends and key encryption keys use them: one file for each vendor, and what they share.

service.py     a question to a vendor's service: bounded in time, repeated while that may help, failures told apart
upstreams.py   how the vault's own token questions go out from a thread
proxy.py       which proxy of the environment an address is asked through
aws.py         boto3's clients
google.py      Google's REST transports
azure.py       Azure's clients

The SDKs sign, check and parse. Who we are is decided by the vault's own code (`vault.aws`, `vault.google`,
`vault.entra`), as it is for providers: an SDK's own chain reads the environment of the process, starts programs and
asks developers' tools.
"""
