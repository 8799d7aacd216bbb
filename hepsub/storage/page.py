"""A page of a listing of objects, as S3 writes it (ListObjectsV2: Amazon S3 API Reference), read from XML.

botocore's own reader takes most of its time for the times, of which there is one in each entry, and believes
whatever stands there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from hepsub.documents import Malformed
from hepsub.plan.objects import ObjectInfo
from hepsub.storage.bounds import LONGEST_KEY, MOST_ENTRIES, code_in, etag_in, moment_in, size_in

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LARGEST_PAGE = 8 * 2**20
"""A thousand keys of 1,024 bytes that are all percent-encoded, and what stands with each, are half of it."""

BUCKET = re.compile(r"[a-zA-Z0-9._-]{1,255}")
"""What a bucket can be called anywhere."""

_MOST_TAGS = 100_000
_LONGEST_TOKEN = 2**13
_ENCODING = re.compile(rb"\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"'>]*)[\"']")
_MARK = b"\xef\xbb\xbf"


class NotThere(Exception):
    """There is no such bucket."""


class Page(Struct, frozen=True, kw_only=True):
    """A page: its objects by their keys, and what follows.

    Attributes:
        prefixes: what stands for several objects, where a delimiter was asked for.
        following: the token of the page that follows; empty at the end.
    """

    objects: Mapping[str, ObjectInfo]
    following: str
    prefixes: frozenset[str] = frozenset()


def read_page(body: bytes, prefix: str = "") -> Page:
    """Read a page, whose keys all begin with a prefix.

    Raises:
        Malformed: it is none: cut off, of something else, or with what no store can say.
    """
    root = _root(body)
    space = root.tag.removesuffix("ListBucketResult")
    if space == root.tag:
        raise Malformed("it is something else")
    # Keys with characters that XML has not come percent-encoded, where the server knows how.
    encoded = root.findtext(f"{space}EncodingType") == "url"
    objects = dict(
        _object(each, space, prefix, encoded=encoded) for each in root.iterfind(f"{space}Contents")
    )
    prefixes = frozenset(
        _key(each.text or "", prefix, encoded=encoded)
        for each in root.iterfind(f"{space}CommonPrefixes/{space}Prefix")
    )
    if len(objects) + len(prefixes) > MOST_ENTRIES:
        raise Malformed(f"more than {MOST_ENTRIES} entries")
    return Page(objects=objects, prefixes=prefixes, following=_following(root, space))


def read_buckets(body: bytes) -> tuple[str, ...]:
    """The names in a list of buckets (ListBuckets), those that a bucket can have.

    Raises:
        Malformed: it is something else.
    """
    root = _root(body)
    space = root.tag.removesuffix("ListAllMyBucketsResult")
    if space == root.tag:
        raise Malformed("it is something else")
    names = (each.text or "" for each in root.iterfind(f"{space}Buckets/{space}Bucket/{space}Name"))
    return tuple(name for name in names if BUCKET.fullmatch(name))


def error_code(body: bytes) -> str:
    """The code in an error's document, or of the first error in a list of them (DeleteObjects); empty for none."""
    try:
        root = _root(body)
    except Malformed:
        return ""
    return code_in(root.findtext("{*}Code") or root.findtext("{*}Error/{*}Code"))


def kept_key(body: bytes) -> str:
    """The key of the object that the first error in a list is about (DeleteObjects); empty for none."""
    try:
        return _root(body).findtext("{*}Error/{*}Key") or ""
    except Malformed:
        return ""


def _object(entry: Element, space: str, prefix: str, *, encoded: bool) -> tuple[str, ObjectInfo]:
    texts = {each.tag: each.text or "" for each in entry}
    key = _key(texts.get(f"{space}Key", ""), prefix, encoded=encoded)
    return key, ObjectInfo(
        size=size_in(texts.get(f"{space}Size", "")),
        etag=etag_in(texts.get(f"{space}ETag", "")),
        modified=moment_in(texts.get(f"{space}LastModified", "")),
    )


def _key(text: str, prefix: str, *, encoded: bool) -> str:
    raw = unquote_to_bytes(text.replace("+", " ")) if encoded else text.encode()
    if not 0 < len(raw) <= LONGEST_KEY:
        raise Malformed(f"a key of {len(raw)} bytes")
    # Any other writer of the bucket may have given a key that is no UTF-8: it is nobody's, and harms nobody.
    # Replaced and not kept: such a key could not be asked for, nor shown.
    key = raw.decode("utf-8", "replace")
    if not key.startswith(prefix):
        raise Malformed("a key that was not asked for")
    return key


def _following(root: Element, space: str) -> str:
    if root.findtext(f"{space}IsTruncated") != "true":
        return ""
    following = root.findtext(f"{space}NextContinuationToken") or ""
    if not 0 < len(following) <= _LONGEST_TOKEN:
        raise Malformed("it goes on, and does not tell how")
    return following


def _root(body: bytes) -> Element:
    """The root of a document in UTF-8 that declares nothing."""
    from xml.etree import ElementTree

    text = body.removeprefix(_MARK)
    # The depth of XML costs neither expat nor ElementTree anything, the number of its elements does.
    if len(text) > LARGEST_PAGE or text.count(b"<") > _MOST_TAGS:
        raise Malformed("it is too large")
    declared = _ENCODING.match(text)
    # Python looks for any other encoding among its own codecs, `idna` and `zip` included; and expat takes a
    # document in UTF-16 for one, whatever it was told.
    if (declared is not None and declared[1].lower() != b"utf-8") or b"\0" in text:
        raise Malformed("it is not in UTF-8")
    if b"<!DOCTYPE" in text:
        raise Malformed("it declares a type of its own")
    try:
        parser = ElementTree.XMLParser(encoding="utf-8")  # noqa: S314 (no type, so no entities)
        return ElementTree.fromstring(text, parser)  # noqa: S314
    except ElementTree.ParseError as error:
        raise Malformed("it is no XML, or cut off") from error
