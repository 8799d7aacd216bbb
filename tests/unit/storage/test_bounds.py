"""What is believed of a store: no more than S3 allows."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from hepsub.documents import Malformed
from hepsub.storage import bounds
from hepsub.storage.bounds import (
    LARGEST_OBJECT,
    believed_moment,
    code_in,
    etag_in,
    header_moment_in,
    key_in,
    moment_in,
    size_in,
    words_in,
)

LAST = datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC)


def test_the_limits_are_those_of_s3() -> None:
    """10,000 parts of 5 GiB, keys of 1,024 bytes, a thousand entries a page."""
    assert (LARGEST_OBJECT, bounds.LONGEST_KEY, bounds.MOST_ENTRIES) == (
        53_687_091_200_000,
        1024,
        1000,
    )


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (size_in, "0", 0),
        (size_in, "007", 7),
        (size_in, str(LARGEST_OBJECT), LARGEST_OBJECT),
        (size_in, str(LARGEST_OBJECT + 1), None),
        (size_in, "-1", None),
        (size_in, "1" * 16, None),
        (size_in, "\N{ARABIC-INDIC DIGIT ONE}", None),
        (size_in, "", None),
        (etag_in, '"abc"', "abc"),
        (etag_in, "a b~", "a b~"),
        (etag_in, "", ""),
        (etag_in, "x" * 256, "x" * 256),
        (etag_in, "x" * 257, None),
        (etag_in, "a\n", None),
        (etag_in, "\x1b", None),
        (etag_in, "\x7f", None),
        (moment_in, "", 0.0),
        (moment_in, "1970-01-01T00:00:01Z", 1.0),
        (moment_in, "1970-01-01T00:00:01", 1.0),
        (moment_in, "1970-01-01T01:00:01+01:00", 1.0),
        (moment_in, "0001-01-01T00:00:00Z", 0.0),
        (moment_in, "0001-01-01T00:00:01Z", None),
        (moment_in, "1969-12-31T23:59:59Z", None),
        (moment_in, "1970-01-01T00:00:00Z", 0.0),
        (moment_in, "1970-01-01T00:00:01.000000+00:00", 1.0),
        (moment_in, " " * 10 + "1970-01-01T00:00:01.000000+00:00", None),
        (moment_in, "yesterday", None),
        (header_moment_in, "Thu, 01 Jan 1970 00:00:01 GMT", 1.0),
        (header_moment_in, "Mon, 01 Jan 0001 00:00:00 GMT", 0.0),
        (header_moment_in, "1970-01-01T00:00:01Z", None),
        (header_moment_in, "", 0.0),
        (key_in, "AKIA/+=!~", "AKIA/+=!~"),
        (key_in, "k" * 32768, "k" * 32768),
        (key_in, "k" * 32769, None),
        (key_in, "", None),
        (key_in, "a b", None),
        (key_in, "a\n", None),
        (key_in, 5, None),
        (key_in, None, None),
        (code_in, "AccessDenied", "AccessDenied"),
        (code_in, "a.b:c_d-9", "a.b:c_d-9"),
        (code_in, "x" * 100, "x" * 100),
        (code_in, "x" * 101, ""),
        (code_in, "two words", ""),
        (code_in, 5, ""),
        (words_in, " a \n b\t", "a b"),
        (words_in, "a\x1bb", "a?b"),
        (words_in, "x" * 301, "x" * 300),
        (words_in, 5, ""),
    ],
)
def test_what_a_store_says_is_a_value_or_malformed(
    read: Callable[[object], object], text: object, value: object
) -> None:
    """None stands for what no store can say; codes and words are empty then, and harm nobody."""
    if value is None:
        with pytest.raises(Malformed):
            read(text)
    else:
        assert read(text) == value


def test_moments_are_between_1970_and_9999() -> None:
    """And what was said instead is told in short."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert [believed_moment(each) for each in (epoch, LAST)] == [0.0, 253_402_214_400.0]
    for each in (epoch - datetime.timedelta(seconds=1), LAST + datetime.timedelta(seconds=1)):
        with pytest.raises(Malformed, match=f"^a time in the year {each.year}$"):
            believed_moment(each)
    for read, what in ((size_in, "size"), (moment_in, "time"), (header_moment_in, "time")):
        with pytest.raises(Malformed, match=f"^a {what} of '{'x' * 30}'$"):
            read("x" * 35)
