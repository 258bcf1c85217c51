"""AWS: keys and where they come from, requests signed with them, and Bedrock's own keys.

keys.py        an access key, as data
sigv4.py       signatures, pure
source.py      which way to keys this machine offers: environment, profile, web identity, container, instance
profile.py     the CLI's files
sts.py         roles
container.py   the credential endpoint of ECS and EKS
instance.py    the metadata service of EC2
identity.py    whose keys are, told to others
answer.py      keys as these services answer them
bedrock.py     short-term keys: minted and read here
credential.py  all of it as credentials
"""

from keywright.vault.aws.credential import aws_credential, bedrock_key_credential, bedrock_minting_credential
from keywright.vault.aws.source import AwsSettings

__all__ = ["AwsSettings", "aws_credential", "bedrock_key_credential", "bedrock_minting_credential"]
