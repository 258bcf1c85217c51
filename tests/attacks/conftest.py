"""The gateway of the passing calls, before an upstream whose every byte the test decides."""

from tests.passage.conftest import gateway, mill, mill_gateway, mill_server

__all__ = ["gateway", "mill", "mill_gateway", "mill_server"]
