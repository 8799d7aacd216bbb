"""A token exchanged for keys, with a server that speaks each dialect."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

import pytest

from hepsub.errors import (
    CredentialExpired,
    CredentialRefused,
    HepsubError,
    StorageRefused,
    StorageUnreachable,
)
from hepsub.policy.model import Storage
from hepsub.storage import sts
from hepsub.storage.sts import Exchange, SessionTooLong, exchange_token

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
ROLE = "arn:aws:iam:::role/HepUser"
GIVEN = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AK</AccessKeyId><SecretAccessKey>SK</SecretAccessKey>
<SessionToken>ST</SessionToken><Expiration>2026-11-22T04:58:24.192265Z</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
CEPH_ERROR = "<Error><Code>{code}</Code><RequestId>t</RequestId><HostId>h</HostId></Error>"
AWS_ERROR = (
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
    "<Code>{code}</Code><Message>{words}</Message></Error></ErrorResponse>"
)


@dataclass
class Service:
    """What the server answers, and what it was asked."""

    port: int = 0
    status: int = 200
    body: str = GIVEN
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def service() -> Iterator[Service]:
    """A server on loopback."""
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            state.asked.append(dict(parse_qsl(self.rfile.read(length).decode())))
            state.headers.append(dict(self.headers))
            content = state.body.encode()
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def exchange(
    service: Service, *, seconds: int = 3600, user: str = "alice", role: str = ROLE
) -> Exchange:
    storage = Storage(
        endpoint=f"http://127.0.0.1:{service.port}", allow_http=True, role_arn=role, audience="a"
    )
    return Exchange(name="s3", storage=storage, token=TOKEN, user=user, seconds=seconds)


def test_keys_for_a_token(service: Service) -> None:
    keys = exchange_token(exchange(service, seconds=1800))
    assert (keys.access, keys.secret, keys.token) == ("AK", "SK", "ST")
    assert keys.expires == pytest.approx(1795323504.19, abs=0.01)
    assert service.asked == [
        {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "alice",
            "WebIdentityToken": TOKEN,
            "DurationSeconds": "1800",
        }
    ]
    assert "Authorization" not in service.headers[0]


def test_without_a_role_none_is_sent(service: Service) -> None:
    assert exchange_token(exchange(service, role=""))
    assert "RoleArn" not in service.asked[0]


@pytest.mark.parametrize(
    ("user", "name"),
    [("al ice/1", "al-ice-1"), ("x", "hepsub-x"), ("", "hepsub-"), ("u" * 99, "u" * 64)],
)
def test_the_session_has_a_name_that_is_allowed(service: Service, user: str, name: str) -> None:
    exchange_token(exchange(service, user=user))
    assert service.asked[0]["RoleSessionName"] == name


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (403, CEPH_ERROR.format(code="AccessDenied"), CredentialRefused, "audience or the role is refused"),
        (403, AWS_ERROR.format(code="AccessDenied", words="Not authorized"), CredentialRefused, "Not authorized"),
        (400, AWS_ERROR.format(code="InvalidIdentityToken", words="bad"), CredentialRefused, "InvalidIdentityToken"),
        (400, AWS_ERROR.format(code="ExpiredTokenException", words="Token expired"), CredentialExpired, "has ended"),
        (400, AWS_ERROR.format(code="InvalidParameterValue", words="jwt expired"), CredentialExpired, "has ended"),
        (400, AWS_ERROR.format(code="ValidationError", words="The requested DurationSeconds exceeds the"
                               " MaxSessionDuration set for this role."), SessionTooLong, "gives no keys for 1 h"),
        (405, AWS_ERROR.format(code="MethodNotAllowed", words="no"), StorageRefused, "exchanges no tokens"),
        (501, CEPH_ERROR.format(code="NotImplemented"), StorageUnreachable, "in trouble"),
        (503, AWS_ERROR.format(code="SlowDown", words="later"), StorageUnreachable, "in trouble"),
        (200, "<AssumeRoleWithWebIdentityResponse/>", StorageRefused, "without keys"),
        (200, "<html>hello<br></html>", StorageRefused, "without keys"),
        (200, "<html>hello</html>", StorageRefused, "without keys"),
    ],
)  # fmt: skip
def test_a_refusal_has_a_cause_and_a_remedy(
    service: Service, status: int, body: str, error: type[HepsubError], words: str
) -> None:
    service.status, service.body = status, body
    with pytest.raises(HepsubError) as caught:
        exchange_token(exchange(service))
    assert type(caught.value) is error
    assert words in caught.value.message
    assert caught.value.remedy


def test_a_wordless_refusal_of_a_usual_session_is_no_matter_of_its_length(service: Service) -> None:
    service.status, service.body = 400, CEPH_ERROR.format(code="InvalidArgument")
    with pytest.raises(CredentialRefused):
        exchange_token(exchange(service, seconds=3600))


def test_the_token_is_in_no_text(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.status = 400
    service.body = AWS_ERROR.format(code="InvalidIdentityToken", words=f"cannot read {TOKEN}")
    wanted = exchange(service)
    with caplog.at_level(logging.INFO), pytest.raises(CredentialRefused) as caught:
        exchange_token(wanted)
    assert TOKEN not in f"{caught.value.message} {caught.value.remedy} {caplog.text} {wanted!r}"


def test_a_token_does_not_travel_in_the_clear_unless_the_policy_says_so(service: Service) -> None:
    storage = Storage(endpoint=f"http://127.0.0.1:{service.port}")
    wanted = Exchange(name="s3", storage=storage, token=TOKEN, user="alice", seconds=900)
    with pytest.raises(StorageRefused, match="in the clear"):
        exchange_token(wanted)
    assert not service.asked


def test_nobody_answers() -> None:
    storage = Storage(endpoint="https://127.0.0.1:1", sts_endpoint="https://127.0.0.1:2")
    wanted = Exchange(name="s3", storage=storage, token=TOKEN, user="alice", seconds=900)
    with pytest.raises(StorageUnreachable, match=r"https://127\.0\.0\.1:2 does not answer"):
        exchange_token(wanted)


def given_with(old: str, new: str) -> str:
    """The answer with one of its texts exchanged."""
    assert old in GIVEN
    return GIVEN.replace(old, new)


NONSENSE = {
    "another codec of Python's": '<?xml version="1.0" encoding="idna"?>' + given_with("AK<", "<"),
    "a key with a line": given_with("AK<", "A&#10;K<"),
    "a key with ESC": given_with("SK<", "S\x1bK<"),
    "a key that is none": given_with("AK<", "<"),
    "a token of 100 kB": given_with("ST<", "T" * 100_000 + "<"),
    "an end in the year 1": given_with("2026-11-22T04:58:24.192265Z", "0001-01-01T00:00:00Z"),
    "an end in the year 0": given_with("2026-11-22", "0000-01-01"),
    "an end after 9999": given_with("2026-11-22T04:58:24.192265Z", "9" * 30),
    "an end that is none": given_with("2026-11-22T04:58:24.192265Z", "soon"),
    "200,000 levels": "<a>" * 200_000 + "</a>" * 200_000,
    "a billion laughs": '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + given_with("AK<", "&a;\n<"),
    "nothing": "",
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
def test_keys_that_could_not_be_used_are_none(body: str, service: Service) -> None:
    service.body = body
    with pytest.raises(StorageRefused, match="answered without keys that could be used"):
        exchange_token(exchange(service))


def test_the_words_of_a_refusal_are_one_short_line(service: Service) -> None:
    service.status = 400
    words = "you may not\nd\u009bo\u202e this" + " at all" * 999
    service.body = AWS_ERROR.format(code="Acc\u202eess", words=words)
    with pytest.raises(CredentialRefused) as caught:
        exchange_token(exchange(service))
    assert "(400: you may not d?o? this at all" in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500


HERE = "the token service of the storage s3"
CHECK = "check role_arn, audience and token in [storage.s3] with its administrators: the role is {}, the audience {}"


@pytest.mark.parametrize(
    ("status", "code", "words", "error", "message", "remedy"),
    [
        (400, "ExpiredTokenException", "", CredentialExpired,
         f"{HERE} refuses the token: it has ended (ExpiredTokenException)", "hep_auth login; then try again"),
        (400, "Other", "the JWT is Expired", CredentialExpired,
         f"{HERE} refuses the token: it has ended (Other: the JWT is Expired)", "hep_auth login; then try again"),
        *((400, "x", words, SessionTooLong, f"{HERE} gives no keys for 2 h (x: {words})",
           "set a smaller session_s in [storage.s3]")
          for words in ("DurationSeconds", "MaxSessionDuration", "max session duration", "InvalidDuration")),
        *((400, code, "", SessionTooLong, f"{HERE} gives no keys for 2 h ({code})",
           "set a smaller session_s in [storage.s3]")
          for code in ("InvalidArgument", "InvalidRequest", "ValidationError", "InvalidDuration")),
        (403, "InvalidArgument", "", CredentialRefused,
         f"{HERE} says no (InvalidArgument): the token, its audience or the role is refused", CHECK.format(ROLE, "a")),
        (400, "InvalidArgument", "why", CredentialRefused,
         f"{HERE} says no (InvalidArgument: why): the token, its audience or the role is refused",
         CHECK.format(ROLE, "a")),
        (500, "", "", StorageUnreachable, f"{HERE} is in trouble (500)", "try again later"),
        *((400, code, "", StorageRefused, f"{HERE} at https://s3.org exchanges no tokens ({code})",
           "name the token service as sts_endpoint in [storage.s3]")
          for code in ("NotImplemented", "MethodNotAllowed", "InvalidAction", "NoSuchBucket")),
        (405, "", f"no {TOKEN}", StorageRefused, f"{HERE} at https://s3.org exchanges no tokens (405: no ***)",
         "name the token service as sts_endpoint in [storage.s3]"),
    ],
)  # fmt: skip
def test_what_a_service_answers_is_told_in_whole(
    status: int, code: str, words: str, error: type[HepsubError], message: str, remedy: str
) -> None:
    """With and without ErrorResponse around it; the token is in no text."""
    storage = Storage(endpoint="https://s3.org", role_arn=ROLE, audience="a")
    wanted = Exchange(name="s3", storage=storage, token=TOKEN, user="alice", seconds=7200)
    said = {"Code": code, "Message": words}
    meta = {"ResponseMetadata": {"HTTPStatusCode": status}}
    for response in ({"Error": said, **meta}, {**said, **meta}):
        found = sts._refused(wanted, response)
        assert type(found) is error
        assert (found.message, found.remedy) == (message, remedy)


def test_what_the_policy_does_not_name_is_said_to_be_so() -> None:
    wanted = Exchange(
        name="s3", storage=Storage(endpoint="https://x"), token=TOKEN, user="a", seconds=900
    )
    found = sts._refused(wanted, {"Error": {"Code": "AccessDenied"}})
    assert found.remedy == CHECK.format("not named", "the one of the credential")
    assert "(AccessDenied)" in found.message


@pytest.mark.parametrize(
    ("endpoint", "sts_endpoint", "allow_http", "refused"),
    [
        ("https://s3.org", "", False, ""),
        ("HTTPS://s3.org", "", False, ""),
        ("http://s3.org", "", False, "http://s3.org"),
        ("http://s3.org", "", True, ""),
        ("http://s3.org", "https://sts.org", False, ""),
        ("https://s3.org", "http://sts.org", False, "http://sts.org"),
    ],
)
def test_a_token_does_not_travel_in_the_clear(
    endpoint: str, sts_endpoint: str, allow_http: bool, refused: str
) -> None:
    storage = Storage(endpoint=endpoint, sts_endpoint=sts_endpoint, allow_http=allow_http)
    wanted = Exchange(name="s3", storage=storage, token=TOKEN, user="a", seconds=900)
    if not refused:
        sts._refuse_clear_text(wanted)
        return
    with pytest.raises(StorageRefused) as caught:
        sts._refuse_clear_text(wanted)
    assert caught.value.message == f"{HERE} is {refused}, and your token would travel in the clear"
    assert caught.value.remedy == "use https, or set allow_http = true in [storage.s3]"
