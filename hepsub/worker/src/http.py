# A transfer, where there is no curl: get|letter|put|post|delete FILE PRIVATE SECONDS STALL-SECONDS AUTHORITIES
# PRIVATE/request has the URL, and what else is secret or long: get: the ETag of the part that is there; letter: that
# of the version that is not wanted again; put: the MD5 in hex or `-`; post: the last component of the key, and the
# form. The answer goes to PRIVATE/headers and PRIVATE/answer, its status to stdout. Ends with curl's exit codes, so
# that one table judges both.
import base64
import email.message
import http.client
import io
import os
import signal
import socket
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

verb, local, private, limit, stall, authority = sys.argv[1:]
BLOCK = 1 << 20


class Answer:
    status = 0


def leave(code: int) -> None:
    print("%03d" % Answer.status)
    sys.stdout.flush()
    os._exit(code)


def save(headers: email.message.Message) -> None:
    with open(private + "/headers", "w") as file:
        file.writelines("%s: %s\n" % header for header in headers.items())


def save_body(body: bytes) -> None:
    with open(private + "/answer", "wb") as file:
        file.write(body)


# urllib invents a Content-Type, which is part of what an old signature signs.
class NoContentType(urllib.request.BaseHandler):
    handler_order = 900

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        if verb == "put":
            request.unredirected_hdrs.pop("Content-type", None)
        return request

    https_request = http_request


# Parts, one after the other, read in blocks.
class Body:
    def __init__(self, *parts: io.BufferedIOBase) -> None:
        self.parts = list(parts)

    def read(self, size: int = BLOCK) -> bytes:
        while self.parts:
            block = self.parts[0].read(size)
            if block:
                return block
            self.parts.pop(0)
        return b""


def form_body(file: io.BufferedReader, key: str, form: str) -> "tuple[Body, int, str]":
    edge = "hepsub-" + os.urandom(16).hex()
    named = "--" + edge + "\r\nContent-Disposition: form-data; name=\x22%s\x22"
    head = b""
    for pair in form.split("&"):
        name, _, quoted = pair.partition("=")
        name, value = urllib.parse.unquote(name), urllib.parse.unquote_to_bytes(quoted)
        if name == "key":
            value = value.replace(b"${filename}", key.encode("utf-8", "surrogateescape"), 1)
        head += (named % name + "\r\n\r\n").encode() + value + b"\r\n"
    named = named % "file" + "; filename=\x22upload\x22"
    head += (named + "\r\nContent-Type: application/octet-stream\r\n\r\n").encode()
    tail = ("\r\n--%s--\r\n" % edge).encode()
    size = len(head) + os.fstat(file.fileno()).st_size + len(tail)
    kind = "multipart/form-data; boundary=" + edge
    return Body(io.BytesIO(head), file, io.BytesIO(tail)), size, kind


def to_get(url: str, etag: str) -> urllib.request.Request:
    request = urllib.request.Request(url, headers={"User-Agent": "hepsub"})
    if verb == "letter" and etag:
        request.add_header("If-None-Match", etag)
    if offset:
        request.add_header("Range", "bytes=%d-" % offset)
        if etag:
            request.add_header("If-Range", etag)
    return request


def to_send(url: str, more: "list[str]") -> urllib.request.Request:
    headers = {"User-Agent": "hepsub"}
    if verb == "delete":
        return urllib.request.Request(url, headers=headers, method="DELETE")
    try:
        file = open(local if verb == "put" else private + "/upload", "rb")
    except OSError:
        leave(26)
    if verb == "post":
        body, size, headers["Content-Type"] = form_body(file, more[0], more[1])
    else:
        body, size = Body(file), os.fstat(file.fileno()).st_size
        if more and more[0] not in ("", "-"):
            headers["Content-MD5"] = base64.b64encode(bytes.fromhex(more[0])).decode()
    headers["Content-Length"] = str(size)
    return urllib.request.Request(url, data=body, headers=headers, method=verb.upper())


def receive(response: http.client.HTTPResponse) -> None:
    resumed = Answer.status == 206
    try:
        file = open(local, "ab" if resumed else "wb")
    except OSError:
        leave(23)
    if resumed and not (response.headers.get("Content-Range") or "").startswith(
        "bytes %d-" % offset
    ):
        leave(33)
    length, got = response.headers.get("Content-Length"), 0
    while True:
        block = response.read(BLOCK)
        if not block:
            break
        try:
            file.write(block)
        except OSError:
            leave(23)
        got += len(block)
    try:
        file.close()
    except OSError:
        leave(23)
    if length is not None and got != int(length):
        leave(18)


def code_of(error: Exception) -> int:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLError):
        return 60 if "CERTIFICATE" in str(reason) else 35
    if isinstance(reason, socket.gaierror):
        return 6
    if isinstance(reason, ConnectionRefusedError):
        return 7
    if isinstance(reason, (socket.timeout, TimeoutError)):
        return 28
    return 3 if isinstance(error, ValueError) else 56


def transfer(url: str, more: "list[str]") -> None:
    gets = verb in ("get", "letter")
    request = to_get(url, more[0] if more else "") if gets else to_send(url, more)
    try:
        context = ssl.create_default_context(cafile=authority or None)
    except OSError:
        leave(77)
    tls = urllib.request.HTTPSHandler(context=context)
    opener = urllib.request.build_opener(NoContentType, tls)
    with opener.open(request, timeout=float(stall)) as response:
        Answer.status = response.getcode()
        save(response.headers)
        if gets:
            receive(response)
        else:
            save_body(response.read(BLOCK))


signal.signal(signal.SIGALRM, lambda *_: leave(28))
signal.alarm(max(1, int(limit)))
with open(private + "/request", encoding="utf-8", errors="surrogateescape") as asked:
    address, *rest = asked.read().split("\n")
offset = os.path.getsize(local) if verb == "get" and os.path.exists(local) else 0
try:
    transfer(address, rest)
    leave(0)
except urllib.error.HTTPError as error:
    Answer.status = error.code
    save(error.headers)
    if verb != "get":
        save_body(error.read(65536))
    leave(22)
except Exception as error:
    leave(code_of(error))
