"""Pages of listings, and what is none."""

from __future__ import annotations

import pytest

from hepsub.storage.page import NoListing, error_code, read_page

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


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"<html></html>", page("<IsTruncated>true</IsTruncated>"),
     page("<Contents><Key>k</Key></Contents>"), page("<Contents><Key>k</Key><Size>x</Size></Contents>")],
)  # fmt: skip
def test_what_is_no_page(body: bytes) -> None:
    """A proxy's page, or half of one."""
    with pytest.raises(NoListing):
        read_page(body)


def test_error_codes() -> None:
    """They are told to the user."""
    assert error_code(b"<Error><Code>AccessDenied</Code></Error>") == "AccessDenied"
    assert error_code(b"oops") == ""
