"""What each vendor's SDK raises is read as what it means, whatever its text says."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from azure.core import exceptions as azure
from botocore import exceptions as aws
from google.api_core import exceptions as google
from google.auth.exceptions import RefreshError

from keywright.vault.sdk.aws import aws_fault
from keywright.vault.sdk.azure import azure_fault
from keywright.vault.sdk.crc32c import crc32c
from keywright.vault.sdk.google import google_fault
from keywright.vault.sdk.service import Fault


def of_aws(code: str, status: int = 400, message: str = "") -> aws.ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return aws.ClientError(answer, "Get")


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (of_aws("ResourceNotFoundException"), Fault("absent", "ResourceNotFoundException")),
        (of_aws("NotFoundException"), Fault("absent", "NotFoundException")),
        (of_aws("AccessDeniedException"), Fault("denied", "AccessDeniedException")),
        (of_aws("ExpiredTokenException"), Fault("denied", "ExpiredTokenException")),
        (of_aws("ThrottlingException"), Fault("throttled", "ThrottlingException")),
        (of_aws("KMSInternalException", 500), Fault("down", "KMSInternalException")),
        (
            of_aws("InvalidRequestException", message="scheduled for deletion"),
            Fault("absent", "scheduled.for.deletion"),
        ),
        (of_aws("InvalidRequestException"), Fault("refused", "400.InvalidRequestException")),
        (of_aws("502", 502), Fault("down", "502")),
        (aws.ReadTimeoutError(endpoint_url="http://x"), Fault("slow", "ReadTimeoutError")),
        (aws.EndpointConnectionError(endpoint_url="http://x"), Fault("down", "EndpointConnectionError")),
        (aws.ParamValidationError(report="r"), Fault("refused", "ParamValidationError")),
        (ValueError("canary"), Fault("refused", "ValueError")),
    ],
)
def test_amazon_s(error: Exception, fault: Fault) -> None:
    assert aws_fault(error) == fault


def of_azure(status: int, body: str = "") -> azure.HttpResponseError:
    error = azure.HttpResponseError("canary")
    error.status_code = status
    error.response = SimpleNamespace(text=lambda: body)
    return error


def azure_body(code: str, inner: str = "") -> str:
    return json.dumps({"error": {"code": code, "innererror": {"code": inner} if inner else None}})


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (of_azure(404, azure_body("SecretNotFound")), Fault("absent", "404.SecretNotFound")),
        (of_azure(403, azure_body("Forbidden", "SecretDisabled")), Fault("absent", "SecretDisabled")),
        (of_azure(403, azure_body("Forbidden", "ForbiddenByRbac")), Fault("denied", "403.ForbiddenByRbac")),
        (of_azure(429, "<html>"), Fault("throttled", "429")),
        (of_azure(502, '{"error": "text"}'), Fault("down", "502")),
        (azure.ServiceRequestTimeoutError("x"), Fault("slow", "ServiceRequestTimeoutError")),
        (azure.ServiceResponseTimeoutError("x"), Fault("slow", "ServiceResponseTimeoutError")),
        (azure.ServiceRequestError("x"), Fault("down", "ServiceRequestError")),
        (ValueError("canary"), Fault("refused", "ValueError")),
    ],
)
def test_azure_s(error: Exception, fault: Fault) -> None:
    assert azure_fault(error) == fault


REFUSED: Exception = RefreshError("x")  # type: ignore[no-untyped-call]  # google-auth has no types


def of_google(kind: type[google.GoogleAPICallError], body: str = "") -> google.GoogleAPICallError:
    response: Any = SimpleNamespace(content=body.encode())
    return kind("canary", response=response)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (of_google(google.NotFound, '{"error": {"status": "NOT_FOUND"}}'), Fault("absent", "404.NOT_FOUND")),
        (
            of_google(google.BadRequest, '{"error": {"status": "FAILED_PRECONDITION"}}'),
            Fault("absent", "FAILED_PRECONDITION"),
        ),
        (of_google(google.Forbidden, '{"error": {"status": 5}}'), Fault("denied", "403")),
        (of_google(google.TooManyRequests, "[]"), Fault("throttled", "429")),
        (of_google(google.BadGateway, "<html>"), Fault("down", "502")),
        (requests.exceptions.ReadTimeout("x"), Fault("slow", "ReadTimeout")),
        (requests.exceptions.ConnectionError("x"), Fault("down", "ConnectionError")),
        (REFUSED, Fault("denied", "RefreshError")),
        (ValueError("canary"), Fault("refused", "ValueError")),
    ],
)
def test_google_s(error: Exception, fault: Fault) -> None:
    assert google_fault(error) == fault


def test_google_s_checksum_is_castagnoli_s() -> None:
    assert [crc32c(data) for data in (b"", b"123456789", bytes(32))] == [0, 0xE3069283, 0x8A9136AA]
