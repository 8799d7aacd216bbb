"""Pages of listings, and what is none."""

from __future__ import annotations

import pytest

from hepsub.documents import Malformed
from hepsub.storage.page import read_page

ENTRY = (
    "<Contents><Key>{}</Key><LastModified>2026-11-22T05:00:00.123Z</LastModified>"
    '<ETag>"abc"</ETag><Size>7</Size></Contents>'
)


def page(inside: str, space: str = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"') -> bytes:
    """A page's document."""
    return f'<?xml version="1.0"?><ListBucketResult{space}>{inside}</ListBucketResult>'.encode()


@pytest.mark.parametrize("space", ["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'])
def test_pages(space: str) -> None:
    """With and without a namespace; keys percent-encoded only where the server says so."""
    found = read_page(page(ENTRY.format("a%1Bb+c"), space))
    [(key, seen)] = found.objects.items()
    assert (key, seen.size, seen.etag, seen.modified) == ("a%1Bb+c", 7, "abc", 1795323600.123)
    coded = page(f"<EncodingType>url</EncodingType>{ENTRY.format('a%1Bb+c')}", space)
    assert list(read_page(coded).objects) == ["a\x1bb c"]
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    assert read_page(page(more, space)).following == "t"
    assert found.following == ""


def test_a_page_has_what_was_asked_for() -> None:
    """Up to a thousand entries, objects and what stands for several; keys of up to 1,024 bytes."""
    prefixes = "<CommonPrefixes><Prefix>d/a+b/</Prefix></CommonPrefixes>"
    found = read_page(page(prefixes + ENTRY.format("d/k")), "d/")
    assert (found.prefixes, list(found.objects)) == (frozenset({"d/a+b/"}), ["d/k"])
    coded = f"<EncodingType>url</EncodingType>{prefixes}{ENTRY.format('%FF%2F')}"
    assert list(read_page(page(coded)).objects) == ["\ufffd/"]
    assert read_page(page(coded)).prefixes == {"d/a b/"}
    many = "".join(ENTRY.format(f"d/{n}") for n in range(999))
    assert len(read_page(page(prefixes + many)).objects) == 999
    assert list(read_page(page(ENTRY.format("k" * 1024))).objects) == ["k" * 1024]
    assert read_page(b"\xef\xbb\xbf" + page("")).objects == {}
    assert read_page(page("").replace(b"?>", b" encoding='UTF-8'?>")).objects == {}
    token = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{'t' * 8192}</NextContinuationToken>"
    assert read_page(page(token)).following == "t" * 8192
    ended = token.replace("true", "false")
    assert read_page(page(ended)).following == ""


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "it is no XML, or cut off"),
        (b"<html>", "it is no XML, or cut off"),
        (b"<html></html>", "it is something else"),
        (page("")[:-1], "it is no XML, or cut off"),
        (page("<IsTruncated>true</IsTruncated>"), "it goes on, and does not tell how"),
        (page("<IsTruncated>true</IsTruncated><NextContinuationToken>" + "t" * 8193 + "</NextContinuationToken>"),
         "it goes on, and does not tell how"),
        (page("<Contents><Key>d/k</Key></Contents>"), "a size of ''"),
        (page("<Contents><Key>d/k</Key><Size>x</Size></Contents>"), "a size of 'x'"),
        (page("<Contents><Size>1</Size></Contents>"), "a key of 0 bytes"),
        (page(ENTRY.format("k" * 1025)), "a key of 1025 bytes"),
        (page(ENTRY.format("e/k")), "a key that was not asked for"),
        (page("<CommonPrefixes><Prefix>e/</Prefix></CommonPrefixes>"), "a key that was not asked for"),
        (page("".join(ENTRY.format(f"d/{n}") for n in range(1001))), "more than 1000 entries"),
        (page("<x/>" * 100_000), "it is too large"),
        (page(" " * 2**23), "it is too large"),
        (page("").replace(b"?>", b" encoding='idna'?>"), "it is not in UTF-8"),
        (page("\0"), "it is not in UTF-8"),
        (page("").decode().encode("utf-16"), "it is not in UTF-8"),
        (b"<!DOCTYPE x []>" + page("")[21:], "it declares a type of its own"),
    ],
)  # fmt: skip
def test_what_is_no_page(body: bytes, why: str) -> None:
    """A proxy's page, or half of one; or more than a store says."""
    with pytest.raises(Malformed) as caught:
        read_page(body, "d/")
    assert str(caught.value) == why
