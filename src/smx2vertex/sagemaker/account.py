"""An AWS account, read through boto3. What it does not answer is kept, so that it is reported once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Literal, TypeAlias

from ..findings import Finding, InputError

# Attempts at a request, unless AWS_MAX_ATTEMPTS or the profile says otherwise; botocore's own three are few for an
# account with hundreds of pipelines, whose requests are throttled.
ATTEMPTS = 8
# A source archive is small; what is larger than this is data or a model.
MAX_OBJECT_BYTES = 64 * 1024 * 1024

Kind: TypeAlias = Literal["forbidden", "absent", "not found", "too large", "fault"]

# Codes of the services, which differ from one to the other.
_FORBIDDEN = re.compile(r"^(AccessDenied.*|Unauthorized.*|NotAuthorized.*|AuthorizationError.*|.*Forbidden.*|403)$")
_NOT_FOUND = re.compile(r"^(ResourceNotFound.*|NoSuch(Key|Bucket|Version)|.*NotFound(Exception|Fault)?|404)$")
# A service answers 500 with a code of its own; a bare 500 comes from a stand-in that lacks the operation.
_ABSENT = re.compile(r"^(NotImplemented|UnknownOperation.*|InvalidAction|405|500|501)$")
_CREDENTIALS = re.compile(
    r"^(ExpiredToken.*|RequestExpired|InvalidClientTokenId|UnrecognizedClient.*|InvalidAccessKeyId|InvalidToken"
    r"|(Invalid)?Signature.*|AuthFailure|MissingAuthenticationToken.*|IncompleteSignature.*)$"
)
# IAM names a permission after the operation; S3 has names of its own (Service Authorization Reference, Amazon S3).
_PERMISSIONS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
}


class Unanswered(Exception):  # noqa: N818 (an outcome, not an error)
    """The account did not answer a request.

    Attributes:
        operation: such as `sagemaker:ListPipelineVersions`; if it is forbidden, the permission that lacks.
        kind: why; `absent` means that there is no such operation here.
        reason: what the service said.
    """

    def __init__(self, operation: str, kind: Kind, reason: str) -> None:
        """Keep what was asked and why there is no answer."""
        super().__init__(f"{operation}: {reason}")
        self.operation, self.kind, self.reason = operation, kind, reason


class Account:
    """The reading side of an account in one region."""

    def __init__(self, session: Any, endpoint_url: str | None = None, attempts: int = ATTEMPTS) -> None:
        """Read through a `boto3.Session`; `endpoint_url` is another place than AWS, such as a local stand-in."""
        self._session = session
        self._endpoint_url = endpoint_url
        self._attempts = attempts
        self._clients: dict[str, Any] = {}
        self._absent: dict[str, Unanswered] = {}
        self._noted: dict[tuple[str, str], Unanswered] = {}

    def client(self, service: str) -> Any:
        """The boto3 client of a service; always the same one.

        Raises:
            InputError: there is no such region, or the endpoint is no address.
        """
        if service not in self._clients:
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError

            retries = {"mode": "adaptive", "total_max_attempts": self._attempts}
            # a stand-in on localhost has no host name for each bucket
            s3 = {"addressing_style": "path"} if self._endpoint_url else None
            try:
                self._clients[service] = self._session.client(
                    service, endpoint_url=self._endpoint_url, config=Config(retries=retries, s3=s3)
                )
            except (BotoCoreError, ValueError) as error:
                raise _unusable(str(error)) from error
        return self._clients[service]

    def ask(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """The answer to one request, such as `ask("sagemaker", "describe_pipeline", PipelineName="churn")`.

        Raises:
            Unanswered: there is none.
            InputError: the credentials are not valid.
        """
        client = self.client(service)
        with self._errors(client, service, operation):
            answer: dict[str, Any] = getattr(client, operation)(**arguments)
            return answer

    def all(
        self, service: str, operation: str, key: str, limit: int | None = None, **arguments: Any
    ) -> list[dict[str, Any]]:
        """The items below `key` of all pages of an answer, at most `limit`; errors as for `ask`."""
        client = self.client(service)
        with self._errors(client, service, operation):
            pages = client.get_paginator(operation).paginate(PaginationConfig={"MaxItems": limit}, **arguments)
            return [item for page in pages for item in page.get(key) or []]

    def read(self, bucket: str, key: str) -> bytes:
        """The content of an S3 object of at most `MAX_OBJECT_BYTES`; errors as for `ask`."""
        answer = self.ask("s3", "get_object", Bucket=bucket, Key=key)
        with self._errors(self.client("s3"), "s3", "get_object"), closing(answer["Body"]) as body:
            if answer.get("ContentLength", 0) > MAX_OBJECT_BYTES:
                raise Unanswered("s3:GetObject", "too large", f"is larger than {MAX_OBJECT_BYTES >> 20} MiB")
            content: bytes = body.read()  # all at once, for botocore then checks the length
        return content

    def note(self, unanswered: Unanswered) -> None:
        """Keep what was not answered for `findings`."""
        # A permission is one fact, however often it lacks; faults may differ.
        reason = unanswered.reason if unanswered.kind == "fault" else unanswered.kind
        self._noted.setdefault((unanswered.operation, reason), unanswered)

    @contextmanager
    def optional(self, missing: list[str] | None = None) -> Iterator[None]:
        """What is asked inside may stay unanswered. Operations that another time could answer go to `missing`."""
        try:
            yield
        except Unanswered as unanswered:
            self.note(unanswered)
            if missing is not None and unanswered.kind in ("forbidden", "fault"):
                missing.append(unanswered.operation)

    def findings(self) -> list[Finding]:
        """What was not answered since this was last called: each permission once."""
        noted = list(self._noted.values())
        self._noted.clear()
        return [_finding(each) for each in noted if each.kind != "not found"]

    @contextmanager
    def _errors(self, client: Any, service: str, operation: str) -> Iterator[None]:
        """Translates the errors of boto3. What is absent is not asked twice: it costs all attempts each time."""
        from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

        name = f"{service}:{client.meta.method_to_api_mapping[operation]}"
        if name in self._absent:
            raise self._absent[name]
        try:
            yield
        except ClientError as error:
            unanswered = _unanswered(name, error.response.get("Error", {}))
            if unanswered.kind == "absent":
                self._absent[name] = unanswered
            raise unanswered from error
        except BotoCoreError as error:
            # without SageMaker there is nothing to go on with; other services may lack in a region
            if _is_about_credentials(error) or (service == "sagemaker" and isinstance(error, EndpointConnectionError)):
                raise _unusable(str(error)) from error
            raise Unanswered(name, "fault", str(error)) from error


def connect(profile: str | None = None, region: str | None = None, endpoint_url: str | None = None) -> Account:
    """Open an account with the credentials that boto3 finds.

    Args:
        profile: a profile of the AWS configuration.
        region: such as `eu-central-1`; else the one that the environment or the profile names.
        endpoint_url: another place than AWS.

    Raises:
        InputError: there is no boto3, no such profile, no region or no credentials.
    """
    try:
        import boto3
        import botocore.session
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        message = "boto3 is not installed: pip install 'smx2vertex[aws]'"
        raise InputError(Finding("SMX180", message)) from error
    try:
        core = botocore.session.Session(profile=profile)
        session = boto3.Session(region_name=region, botocore_session=core)
        if session.region_name is None:
            raise _unusable("no region is named: give --region, or set AWS_DEFAULT_REGION")
        if session.get_credentials() is None:
            raise _unusable("there are no credentials: give --profile, or sign in with the AWS command line")
        attempts = core.get_config_variable("max_attempts") or ATTEMPTS
    except BotoCoreError as error:
        raise _unusable(str(error)) from error
    return Account(session, endpoint_url, attempts)


def _finding(unanswered: Unanswered) -> Finding:
    if unanswered.kind == "forbidden":
        return Finding("SMX183", f"{unanswered.operation} is not permitted: {unanswered.reason}")
    if unanswered.kind == "absent":
        return Finding("SMX189", f"{unanswered.operation} is not there")
    return Finding("SMX184", str(unanswered))


def _unusable(reason: str) -> InputError:
    return InputError(Finding("SMX181", reason))


def _is_about_credentials(error: Exception) -> bool:
    """Whether botocore could not sign; its errors about it share no class, only the words in their names."""
    return any(re.search("Credential|SSO|Token|MFA|Login", each.__name__) for each in type(error).__mro__)


def _unanswered(operation: str, error: dict[str, Any]) -> Unanswered:
    code, text = str(error.get("Code", "")), str(error.get("Message", ""))
    reason = " ".join(f"{code} {text}".split())
    if _CREDENTIALS.match(code):
        raise _unusable(reason)
    if _FORBIDDEN.match(code):
        # The text may name another permission than the operation's, such as kms:Decrypt for an object.
        named = re.search(r"perform:? (\w+:\w+)", text)
        return Unanswered(named[1] if named else _PERMISSIONS.get(operation, operation), "forbidden", reason)
    kind: Kind = "absent" if _ABSENT.match(code) else "not found" if _NOT_FOUND.match(code) else "fault"
    return Unanswered(operation, kind, reason)
