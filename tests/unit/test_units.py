"""Memory, time and size: text to numbers and back."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsub.units import (
    clock_text,
    duration_text,
    parse_duration,
    parse_memory,
    parse_size,
    rough_text,
    run_time_text,
    size_text,
)


@pytest.mark.parametrize(
    ("text", "megabytes"),
    [
        ("3000", 3000),
        ("1", 1),
        ("2GB", 2048),
        ("2gb", 2048),
        ("2 GB", 2048),
        ("2G", 2048),
        ("2GiB", 2048),
        ("1.5G", 1536),
        ("1.5 G", 1536),
        ("500MiB", 500),
        ("500M", 500),
        ("500 mb", 500),
        ("1T", 1048576),
        ("1tib", 1048576),
        ("2048k", 2),
        ("1025 kB", 2),
        ("0.1k", 1),
        (" 4000 ", 4000),
        ("2.5", 3),
    ],
)
def test_memory_is_read_in_mb_and_rounded_up(text: str, megabytes: int) -> None:
    """A bare number is MB, a unit may follow, and what does not fill a MB counts as one."""
    assert parse_memory(text) == megabytes


@pytest.mark.parametrize(
    "text", ["", " ", "two", "2 B", "2iB", "-5", "1e3", "2GBs", "2 G B", "G", "1,5G", "2PB", "0x10"]
)
def test_what_is_no_memory_is_refused(text: str) -> None:
    """Texts without a number, with a foreign unit or a sign are no amount of memory."""
    with pytest.raises(ValueError, match="is no amount of memory"):
        parse_memory(text)


@pytest.mark.parametrize("text", ["0", "0G", "0.0"])
def test_no_memory_at_all_is_refused(text: str) -> None:
    """A job cannot ask for no memory."""
    with pytest.raises(ValueError, match="is less than 1 MB"):
        parse_memory(text)


@given(st.integers(min_value=1, max_value=10**9))
def test_every_whole_number_of_mb_is_itself(megabytes: int) -> None:
    """HepJob's bare numbers come through unchanged."""
    assert parse_memory(str(megabytes)) == megabytes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("90 s", 90),
        ("30min", 1800),
        ("30 min", 1800),
        ("30m", 1800),
        ("1h", 3600),
        ("1H", 3600),
        ("1hour", 3600),
        ("2 hours", 7200),
        ("1hr", 3600),
        ("1.5h", 5400),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("2d", 172800),
        ("3days", 259200),
        ("1w", 604800),
        ("1d12h", 129600),
        ("1:30", 5400),
        ("01:30:15", 5415),
        ("1-02:00:00", 93600),
        ("1+02:00:00", 93600),
        ("100:00", 360000),
        ("0.4s", 1),
        (" 5 min ", 300),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: int) -> None:
    """Words, clocks and days before a clock are all durations."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["90", "h", "1x", "1h30", "one hour", "1:60", "-1h", "1h,30m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A number needs a unit, and minutes end at 59."""
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "0s", "0h", "0:00"])
def test_a_duration_is_longer_than_nothing(text: str) -> None:
    """Nothing runs in no time."""
    with pytest.raises(ValueError, match="is not longer than 0 s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (59.6, "1 min"),
        (300, "5 min"),
        (5400, "1 h 30 min"),
        (36000, "10 h"),
        (86400, "1 d"),
        (273600, "3 d 4 h"),
        (273661, "3 d 4 h"),
        (2592000, "30 d"),
    ],
)
def test_a_duration_is_shown_in_two_units_at_most(seconds: float, text: str) -> None:
    """People read the two largest units; the rest is left out."""
    assert duration_text(seconds) == text


@given(st.integers(min_value=1, max_value=59), st.integers(min_value=0, max_value=23))
def test_what_is_shown_can_be_typed(minutes: int, hours: int) -> None:
    """A duration as hepsub shows it is a duration that hepsub reads."""
    seconds = hours * 3600 + minutes * 60
    assert parse_duration(duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0+00:00:00"),
        (7448, "0+02:04:08"),
        (7448.9, "0+02:04:08"),
        (86400, "1+00:00:00"),
        (10 * 86400 + 3661, "10+01:01:01"),
        (-5, "0+00:00:00"),
    ],
)
def test_a_run_time_has_days_and_a_clock(seconds: float, text: str) -> None:
    """The run time stands as in HTCondor's tables, and a clock that is behind shows none."""
    assert run_time_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1023, "1023 B"),
        (1024, "1.0 kB"),
        (65536, "64.0 kB"),
        (2**20 - 1, "1.0 MB"),
        (2**30 - 1, "1.0 GB"),
        (1572864, "1.5 MB"),
        (5 * 2**30, "5.0 GB"),
        (5000 * 2**30, "5000.0 GB"),
    ],
)
def test_a_size_has_the_unit_that_fits(size: int, text: str) -> None:
    """Bytes are whole, larger units have one decimal, and GB is the largest."""
    assert size_text(size) == text


def test_a_moment_is_shown_in_local_time() -> None:
    """20:24 on the 13th of January on this machine's clock is `01/13 20:24`."""
    moment = time.mktime((2025, 1, 13, 20, 24, 59, 0, 0, -1))
    assert clock_text(moment) == "01/13 20:24"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1B", 1),
        ("500 b", 500),
        ("1k", 2**10),
        ("2GB", 2**31),
        ("2gb", 2**31),
        ("2 GiB", 2**31),
        ("1.5M", 3 * 2**19),
        ("0.001kB", 1),
        ("3T", 3 * 2**40),
        (f"{10**400}B", 10**400),
    ],
)
def test_size(text: str, size: int) -> None:
    """Units as for memory, to the byte."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "2", "GB", "-2GB", "2 apples", "2iB", "2GBB", "0GB", "0.1B", "1e3k", "2,5GB"]
)
def test_no_size(text: str) -> None:
    """A size needs a unit, and is not nothing."""
    with pytest.raises(ValueError, match=r"no size|less than"):
        parse_size(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59, "59 s"), (599, "9 min 59 s"), (3601, "1 h"), (3599, "59 min"), (180_000, "2 d 2 h")],
)
def test_rough_text(seconds: float, text: str) -> None:
    """What ends in an hour and a second ends in an hour; nothing is rounded up."""
    assert rough_text(seconds) == text


@pytest.mark.parametrize("read", [parse_memory, parse_duration])
@pytest.mark.parametrize("digits", [20, 400])
def test_more_than_a_machine_can_count_is_refused(read: Callable[[str], int], digits: int) -> None:
    """A float of 400 digits is infinite, which no int is."""
    unit = "d" if read is parse_duration else ""
    with pytest.raises(ValueError, match="more than"):
        read("9" * digits + unit)
    if read is parse_duration:
        with pytest.raises(ValueError, match="more than"):
            read("9" * digits + ":00")
