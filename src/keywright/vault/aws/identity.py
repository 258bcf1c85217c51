"""Amazon's identity tokens: whose AWS keys are, told to one audience outside of AWS (outbound identity federation)."""

from collections.abc import Mapping
from typing import Final

from keywright.vault.aws.credential import aws_keys
from keywright.vault.aws.source import AwsSettings
from keywright.vault.aws.sts import Sts
from keywright.vault.fetch import Fetch

LIFE_S: Final = 300
"""Of a token, as is usual: it is exchanged at once."""


async def aws_identity(settings: AwsSettings, audience: str, environment: Mapping[str, str], fetch: Fetch) -> str:
    """The JWT that the region's STS signs for whom the keys of this machine belong to.

    Raises:
        SecretError: there are no keys, or it was refused.
    """
    keys, region = await aws_keys(settings, environment, fetch)
    return await Sts(region, environment, fetch).identity_token(audience, keys, LIFE_S)
