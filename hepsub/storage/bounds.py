"""What S3 allows, and so the most that is believed of a store: sizes, keys, ETags, times; all else is Malformed.

Sources: Amazon S3 User Guide, "Amazon S3 multipart upload limits" (10,000 parts of 5 GiB) and "Naming Amazon S3
objects" (keys of 1,024 bytes); Amazon S3 API Reference, ListObjectsV2 (1,000 entries a page).
"""

from __future__ import annotations

import datetime
import email.utils
import re
from collections.abc import Callable

from hepsub.documents import LATEST, Malformed

LARGEST_OBJECT = 10_000 * 5 * 2**30
LONGEST_KEY = 1024
MOST_ENTRIES = 1000

# [0-9], never \d: that takes the digits of all alphabets, and int() does as well.
_DIGITS = re.compile(r"[0-9]{1,15}")
_ETAG = re.compile(r"[ -~]{0,256}")
_CODE = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_MOST_WORDS = 300
_KEY = re.compile(r"[!-~]{1,32768}")
"""A session token may hold a whole policy, and goes into one header."""
_LONGEST_TIME = 40
_GO_KNOWS_NONE = -62_135_596_800.0
"""0001-01-01: what servers written in Go say of an object whose time they do not know."""
_GO_SAYS_SO = "Mon, 01 Jan 0001 00:00:00 GMT"
"""The same in a header, where Python takes the year for one of two digits: 2001."""


def size_in(text: str) -> int:
    """The size of an object, as a store writes it."""
    if _DIGITS.fullmatch(text) is None or int(text) > LARGEST_OBJECT:
        raise Malformed(f"a size of {text[:30]!r}")
    return int(text)


def etag_in(text: str) -> str:
    """An ETag without its quotes, as it can stand in a header."""
    if _ETAG.fullmatch(text) is None:
        raise Malformed("an ETag that is none")
    return text.strip('"')


def moment_in(text: str) -> float:
    """When an object was written (ISO 8601), in seconds since the epoch; 0 where the store does not know."""
    return _moment(text, datetime.datetime.fromisoformat)


def header_moment_in(text: str) -> float:
    """The same as headers have it (RFC 9110, "Date/Time Formats")."""
    return 0.0 if text == _GO_SAYS_SO else _moment(text, email.utils.parsedate_to_datetime)


def _moment(text: str, read: Callable[[str], datetime.datetime]) -> float:
    if not text:
        return 0.0
    try:
        if len(text) > _LONGEST_TIME:
            raise Malformed("a time that is none")
        moment = read(text)
    except (ValueError, OverflowError) as error:
        raise Malformed(f"a time of {text[:30]!r}") from error
    return 0.0 if _seconds(moment) == _GO_KNOWS_NONE else believed_moment(moment)


def _seconds(moment: datetime.datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


def believed_moment(moment: datetime.datetime) -> float:
    """A moment in seconds since the epoch, neither before 1970 nor after 9999."""
    seconds = _seconds(moment)
    if not 0 <= seconds <= LATEST:
        raise Malformed(f"a time in the year {moment.year}")
    return seconds


def key_in(text: object) -> str:
    """A part of somebody's keys for S3: what can stand in a header."""
    if not isinstance(text, str) or _KEY.fullmatch(text) is None:
        raise Malformed("keys that are none")
    return text


def code_in(text: object) -> str:
    """What a store calls an error; empty where that is no word."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else ""


def words_in(text: object) -> str:
    """What a store says to people, as one short line that a terminal shows as it is."""
    words = " ".join(text.split()) if isinstance(text, str) else ""
    return "".join(each if each.isprintable() else "?" for each in words[:_MOST_WORDS])
