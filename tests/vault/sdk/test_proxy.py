"""Which proxy an address is asked through is said by the environment that is given, as everybody's tools read it."""

import pytest

from keywright.core.errors import SecretError
from keywright.vault.sdk.proxy import proxy_for

PROXIES = {"HTTPS_PROXY": "http://proxy:3128", "HTTP_PROXY": "plain:8080"}


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("https://kms.example/", PROXIES, "http://proxy:3128"),
        ("http://kms.example/", PROXIES, "http://plain:8080"),
        ("https://kms.example/", {**PROXIES, "https_proxy": "http://lower:1"}, "http://lower:1"),
        ("https://kms.example/", {"ALL_PROXY": "http://all:1"}, "http://all:1"),
        ("https://kms.example/", {}, ""),
        *((f"https://{host}/", PROXIES, "") for host in ("localhost", "127.0.0.1", "127.9.9.9:8200", "[::1]:8200")),
        *(
            ("https://kms.corp.example:8443/", {**PROXIES, "NO_PROXY": listed}, "")
            for listed in (
                "*",
                "kms.corp.example",
                "corp.example",
                ".corp.example",
                "a, *.corp.example",
                "example:8443",
            )
        ),
        *(
            ("https://kms.corp.example:8443/", {**PROXIES, "NO_PROXY": listed}, "http://proxy:3128")
            for listed in ("orp.example", "corp.example:443", "kms.corp.example.org", "10.0.0.0/8")
        ),
        ("https://10.1.2.3/", {**PROXIES, "no_proxy": "10.0.0.0/8"}, ""),
        ("https://10.1.2.3/", {**PROXIES, "no_proxy": "10.1.2.3"}, ""),
        ("https://11.1.2.3/", {**PROXIES, "no_proxy": "10.0.0.0/8"}, "http://proxy:3128"),
    ],
)
def test_a_proxy_is_found_as_the_environment_says(url: str, environment: dict[str, str], proxy: str) -> None:
    assert proxy_for(url, environment) == proxy


@pytest.mark.parametrize("url", ["", "kms.example", "https://", "https://host:port/"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SecretError, match="not an http:// or https:// URL"):
        proxy_for(url, PROXIES)
