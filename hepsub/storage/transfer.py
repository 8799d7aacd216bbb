"""Objects become files: many at once, each whole or not at all, each going on where it was.

A file is written as NAME.part and gets its name when size and checksum are right. Requests are signed by
botocore and sent by its HTTP session (its proxies and trust), without a client call for each: that costs
more than the transfer of a small object.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hepsub.errors import HepsubError
from hepsub.plan.place import ObjectPlace
from hepsub.storage.crew import AT_ONCE, StopAsked, do_all
from hepsub.storage.digest import Digest
from hepsub.storage.landing import Landing, obstacle_text
from hepsub.storage.s3 import Store

_CHUNK = 2**20
_URL_S = 900
_TRIES = 6
"""So many failures in a row, none of them with progress, are the end."""
_SPOILT_TRIES = 3
_LONGEST_PAUSE_S = 10.0
_CONNECT_S = 5
_READ_S = 30
_AGAIN = (408, 425, 429)
_REFUSED = (400, 401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """An object that shall become a file.

    Attributes:
        place: the object.
        size: its size in bytes.
        etag: its ETag, without quotes; empty for unknown.
        md5: the MD5 that it has to have, in hex; empty for unknown.
        modified: when it was written, in seconds since the epoch; 0 for unknown.
        landing: the file.
    """

    place: ObjectPlace
    size: int
    etag: str
    md5: str
    modified: float
    landing: Landing


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What became of a download: there, or why not, in words."""

    download: Download
    trouble: str = ""


@dataclass(slots=True, kw_only=True)
class Meter:
    """How far the transfers are; written by all of them.

    Attributes:
        size: bytes in all.
        number: files in all.
        moved: bytes that are here.
        done: files that are here, or cannot come.
    """

    size: int
    number: int
    moved: int = 0
    done: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def move(self, number: int) -> None:
        """So many bytes came; negative when they have to come again."""
        with self._lock:
            self.moved += number

    def end(self) -> None:
        """One more file needs nothing any more."""
        with self._lock:
            self.done += 1


class _Again(Exception):
    """It failed in a way that may pass; `after` is how long to wait at least, in seconds."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class _Never(Exception):
    """It failed, and trying again would change nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """Fetches objects.

    Attributes:
        stores: gives a storage by its name, with keys that are good now; called by many threads.
            Its second argument asks for new keys, because the ones given last were refused.
        pause: sleeps for so many seconds.
    """

    stores: Callable[[str, bool], Store]
    pause: Callable[[float], None] = time.sleep

    def fetch(
        self, downloads: Sequence[Download], watch: Callable[[Meter], None]
    ) -> tuple[Arrival, ...]:
        """Fetch them, many at once; what became of each, in their order.

        Args:
            downloads: what to fetch.
            watch: is told how far it is, some times a second, by the calling thread.

        Raises:
            KeyboardInterrupt: the user stopped it; what had come of each file is in NAME.part.
        """
        lines = _Lines()
        meter = Meter(size=sum(each.size for each in downloads), number=len(downloads))
        arrived: dict[int, Arrival] = {}

        def one(number: int, stop: threading.Event) -> None:
            arrived[number] = _Errand(
                download=downloads[number], courier=self, lines=lines, meter=meter, stop=stop
            ).run()
            meter.end()

        try:
            do_all(len(downloads), one, lambda: watch(meter))
        finally:
            lines.close()
        watch(meter)
        return tuple(arrived[number] for number in range(len(downloads)))

    def read(self, places: Sequence[ObjectPlace], most: int) -> Mapping[ObjectPlace, bytes]:
        """The contents of small objects; those that cannot be read, or are larger, are left out."""
        found: dict[ObjectPlace, bytes] = {}
        lines = _Lines()

        def one(number: int, stop: threading.Event) -> None:
            del stop
            content = self._read(lines, places[number], most)
            if content is not None:
                found[places[number]] = content

        try:
            do_all(len(places), one, lambda: None)
        finally:
            lines.close()
        return found

    def _read(self, lines: _Lines, place: ObjectPlace, most: int) -> bytes | None:
        expected: tuple[type[Exception], ...] = (_Again, HepsubError, *_broken())
        for _ in range(_SPOILT_TRIES):
            try:
                answer = _get(self, lines, place, {}, renew=False)
                content: bytes = answer.raw.read(most + 1)
            except expected:
                continue
            length = str(answer.headers.get("Content-Length", ""))
            if answer.status_code == 200 and str(len(content)) == length:
                return content
        return None


@dataclass(slots=True, kw_only=True)
class _Errand:
    """One object on its way."""

    download: Download
    courier: Courier
    lines: _Lines
    meter: Meter
    stop: threading.Event
    came: int = 0
    """Bytes of it in the file, which its hash has seen."""
    hash: Digest = field(default_factory=Digest)
    renew: bool = False

    def run(self) -> Arrival:
        try:
            descriptor = self.download.landing.open_part()
            try:
                self._fill(descriptor)
            finally:
                self.hash.close()
                os.close(descriptor)
            self.download.landing.finish()
        except _Never as trouble:
            return Arrival(download=self.download, trouble=str(trouble))
        except HepsubError as trouble:
            return Arrival(download=self.download, trouble=trouble.message)
        except OSError as trouble:
            return Arrival(
                download=self.download, trouble=f"it cannot be written: {obstacle_text(trouble)}"
            )
        return Arrival(download=self.download)

    def _fill(self, descriptor: int) -> None:
        """Bring the whole object into the file."""
        self._take_up(descriptor)
        for _ in range(_SPOILT_TRIES):
            self._bring_all(descriptor)
            if not self.download.md5 or self.hash.hexdigest() == self.download.md5:
                if self.download.modified:
                    os.utime(descriptor, (self.download.modified, self.download.modified))
                return
            self._restart(descriptor)
        raise _Never(f"its contents were not those of the object, {_SPOILT_TRIES} times")

    def _take_up(self, descriptor: int) -> None:
        """Go on with what an earlier command left, where a checksum will tell whether it belongs to this."""
        there = os.fstat(descriptor).st_size
        if not there:
            return
        if not self.download.md5 or there > self.download.size:
            os.ftruncate(descriptor, 0)
            return
        while piece := os.read(descriptor, _CHUNK):
            self._stop_if_asked()
            self.hash.update(piece)
            self._moved(len(piece))

    def _restart(self, descriptor: int) -> None:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        self.meter.move(-self.came)
        self.came = 0
        self.hash.close()
        self.hash = Digest()

    def _bring_all(self, descriptor: int) -> None:
        failures, best, renewed = 0, self.came, False
        while self.came < self.download.size:
            try:
                self._bring(descriptor)
            except _Again as trouble:
                failures = 1 if self.came > best else failures + 1
                best = max(best, self.came)
                if failures >= _TRIES:
                    raise _Never(f"{trouble}, {failures} times in a row") from trouble
                self._wait(failures, trouble.after)
            except _RefusedError as trouble:
                if renewed:
                    raise _Never(str(trouble)) from trouble
                renewed = self.renew = True

    def _wait(self, failures: int, after: float) -> None:
        pause = min(_LONGEST_PAUSE_S, 0.2 * 2**failures) * random.uniform(0.5, 1.5)  # noqa: S311
        self._stop_if_asked()
        self.courier.pause(max(pause, min(after, 6 * _LONGEST_PAUSE_S)))
        self._stop_if_asked()

    def _bring(self, descriptor: int) -> None:
        """Ask for what is missing, and take as much as comes."""
        headers = {"If-Match": f'"{self.download.etag}"'} if self.download.etag else {}
        if self.came:
            headers["Range"] = f"bytes={self.came}-"
        renew, self.renew = self.renew, False
        answer = _get(self.courier, self.lines, self.download.place, headers, renew=renew)
        try:
            _check(answer)
            if not _is_version(answer, self.download.etag):
                raise _Never("it was replaced while it was fetched; run this again")
            if self.came and not _continues(answer, self.came):
                self._restart(descriptor)
            self._take(answer.raw, descriptor)
        finally:
            answer.raw.close() if self.came < self.download.size else answer.raw.release_conn()

    def _take(self, body: Any, descriptor: int) -> None:  # noqa: ANN401
        while True:
            self._stop_if_asked()
            wanted = min(_CHUNK, self.download.size - self.came + 1)
            try:
                piece = body.read(wanted)
            except _broken() as error:
                raise _Again(f"the connection broke ({type(error).__name__})") from error
            if not piece:
                break
            if len(piece) > self.download.size - self.came:
                raise _Never("it is larger than it was when it was looked for; run this again")
            _write(descriptor, piece)
            self.hash.update(piece)
            self._moved(len(piece))
        if self.came < self.download.size:
            raise _Again("the answer ended early")

    def _moved(self, number: int) -> None:
        self.came += number
        self.meter.move(number)

    def _stop_if_asked(self) -> None:
        if self.stop.is_set():
            raise StopAsked


class _RefusedError(Exception):
    """The keys, or the signature, are not accepted."""


@dataclass(slots=True, kw_only=True)
class _Lines:
    """HTTP sessions, one for each endpoint."""

    known: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def to(self, endpoint: str) -> Any:  # noqa: ANN401
        """A session as botocore's clients have one: the same proxies and authorities."""
        with self.lock:
            if endpoint not in self.known:
                self.known[endpoint] = _open_session(endpoint)
            return self.known[endpoint]

    def close(self) -> None:
        for session in self.known.values():
            session.close()


def _open_session(endpoint: str) -> Any:  # noqa: ANN401
    import botocore.session
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies

    authorities = botocore.session.get_session().get_config_variable("ca_bundle")
    return URLLib3Session(
        verify=authorities or os.environ.get("REQUESTS_CA_BUNDLE") or True,
        proxies=get_environ_proxies(endpoint),
        timeout=(_CONNECT_S, _READ_S),
        max_pool_connections=AT_ONCE,
    )


def _broken() -> tuple[type[Exception], ...]:
    """What a connection that breaks raises."""
    import botocore.exceptions
    import urllib3.exceptions

    return (
        urllib3.exceptions.HTTPError,
        botocore.exceptions.HTTPClientError,
        ConnectionError,
        TimeoutError,
    )


def _get(
    courier: Courier, lines: _Lines, place: ObjectPlace, headers: Mapping[str, str], *, renew: bool
) -> Any:  # noqa: ANN401
    """The beginning of the answer to a GET.

    Raises:
        _Again: there was none.
        HepsubError: there are no keys.
    """
    from botocore.awsrequest import AWSPreparedRequest

    store = courier.stores(place.storage, renew)
    url = store.signer(_URL_S).sign("GET", place)
    asked = {"Accept-Encoding": "identity", **headers}
    try:
        return lines.to(store.storage.endpoint).send(
            AWSPreparedRequest("GET", url, asked, None, stream_output=True)
        )
    except _broken() as error:
        raise _Again(
            f"the storage {place.storage} does not answer ({type(error).__name__})"
        ) from error


def _check(answer: Any) -> None:  # noqa: ANN401
    """Nothing, for an answer with the object in it.

    Raises:
        _Again, _Never, _RefusedError: it is none.
    """
    status = int(answer.status_code)
    if status in (200, 206):
        return
    if status in _REFUSED:
        raise _RefusedError(f"the storage refuses it ({status})")
    if status in _AGAIN or status >= 500:
        after = str(answer.headers.get("Retry-After", ""))
        raise _Again(f"the storage answers {status}", float(after) if after.isdecimal() else 0.0)
    if status == 404:
        raise _Never("it is not there any more")
    if status == 412:
        raise _Never("it was replaced while it was fetched; run this again")
    raise _Never(f"the storage answers {status}")


def _continues(answer: Any, offset: int) -> bool:  # noqa: ANN401
    """Whether an answer begins where it was asked to; rclone's server says so with 200 instead of 206."""
    return str(answer.headers.get("Content-Range", "")).startswith(f"bytes {offset}-")


def _is_version(answer: Any, etag: str) -> bool:  # noqa: ANN401
    """Whether an answer is of this version, as far as it says: some servers ignore If-Match."""
    said = str(answer.headers.get("ETag", "")).strip('"')
    return not said or not etag or said == etag


def _write(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]
