"""What Amazon's token services answer."""


def sts_answer(action: str, key_id: str, expiration: str, token: str = "session-token/+=") -> str:
    return (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>'
        f"<AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>{key_id}-secret</SecretAccessKey>"
        f"<SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration></Credentials>"
        f"</{action}Result></{action}Response>"
    )


def sts_proof(jwt: str) -> str:
    return (
        '<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult>'
        f"<WebIdentityToken>{jwt}</WebIdentityToken><Expiration>2090-01-01T00:00:00Z</Expiration>"
        "</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
    )


def sts_refusal(code: str, message: str) -> str:
    return (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>x</RequestId></ErrorResponse>"
    )


def metadata_answer(key_id: str, expiration: str) -> str:
    return (
        f'{{"Code": "Success", "LastUpdated": "2026-11-24T00:00:00Z", "Type": "AWS-HMAC", "AccessKeyId": "{key_id}",'
        f' "SecretAccessKey": "{key_id}-secret", "Token": "session-token", "Expiration": "{expiration}"}}'
    )
