"""A page of a listing of objects, as S3 writes it (ListObjectsV2: Amazon S3 API Reference), read from XML.

botocore's own reader takes most of its time for the times, of which there is one in each entry.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


_HEX = frozenset("0123456789abcdef")


class NoListing(Exception):
    """The answer is no listing: it was cut off, or is of something else."""


class NotThere(Exception):
    """There is no such bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An object that exists: size in bytes, ETag, and when it was written (0: not known)."""

    size: int
    etag: str
    modified: float = 0.0

    @property
    def md5(self) -> str:
        """Its MD5, in hex, where the ETag is one; else empty."""
        return self.etag if is_md5(self.etag) else ""


def is_md5(text: str) -> bool:
    """Whether an ETag has the form of an MD5 (those of multipart uploads end with -N)."""
    return len(text) == 32 and _HEX.issuperset(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: its objects by their keys, and the token of the page that follows; empty at the end."""

    seen: Mapping[str, Seen]
    following: str


def read_page(body: bytes) -> Page:
    """Read a page.

    Raises:
        NoListing: it is none.
    """
    root = _root(body)
    space = root.tag.removesuffix("ListBucketResult")
    if space == root.tag:
        raise NoListing
    # Keys with characters that XML has not come percent-encoded, where the server knows how.
    encoded = root.findtext(f"{space}EncodingType") == "url"
    seen = {}
    for entry in root.iterfind(f"{space}Contents"):
        texts = {each.tag: each.text or "" for each in entry}
        key = texts.get(f"{space}Key", "")
        try:
            seen[unquote_plus(key) if encoded else key] = Seen(
                size=int(texts[f"{space}Size"]),
                etag=texts.get(f"{space}ETag", "").strip('"'),
                modified=_seconds(texts.get(f"{space}LastModified", "")),
            )
        except (KeyError, ValueError) as error:
            raise NoListing from error
    more = root.findtext(f"{space}IsTruncated") == "true"
    following = root.findtext(f"{space}NextContinuationToken") or ""
    if more and not following:
        raise NoListing
    return Page(seen=seen, following=following if more else "")


def error_code(body: bytes) -> str:
    """The code in an error's document; empty where there is none."""
    try:
        return _root(body).findtext("Code") or ""
    except NoListing:
        return ""


def _root(body: bytes) -> Element:
    # It is the storage of the policy that wrote it, and expat limits what entities can do.
    from xml.etree import ElementTree

    try:
        return ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError as error:
        raise NoListing from error


def _seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp() if text else 0.0
