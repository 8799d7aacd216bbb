"""The tree of errors: exit codes and words that scripts rely on."""

from __future__ import annotations

from collections import Counter

import pytest

from hepsub import errors
from hepsub.errors import HepsubError

ALL = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, HepsubError) and each is not HepsubError
]
OWN = [each for each in ALL if each.__base__ is HepsubError]
"""Without those that are a special case of another one and share its exit code."""

EXIT_CODES = {
    "UsageError": 2,
    "PolicyError": 10,
    "ScriptMissing": 11,
    "ScriptNotExecutable": 12,
    "LogDirectoryMissing": 13,
    "LogDirectoryNotWritable": 14,
    "EnvironmentTooLarge": 15,
    "ListUnreadable": 16,
    "ImageMissing": 17,
    "JournalNotWritable": 18,
    "LibraryUnusable": 19,
    "UnknownGroup": 20,
    "NoGroup": 21,
    "UnknownPool": 22,
    "UnknownWalltime": 23,
    "UnknownSite": 24,
    "UnknownSystem": 25,
    "NoSuitableSite": 26,
    "JobCountTooSmall": 27,
    "JobCountTooLarge": 28,
    "WalltimeTooLong": 29,
    "NotExpressible": 30,
    "UnknownStorage": 31,
    "InputsMissing": 32,
    "OutputConflict": 33,
    "StorageRefused": 34,
    "KeysRefused": 34,
    "StorageUnreachable": 35,
    "BundleUnusable": 36,
    "OutputPlaceUnusable": 37,
    "PoolUnreachable": 40,
    "ScheddNotReached": 40,
    "AuthenticationRefused": 41,
    "SubmissionRefused": 42,
    "SubmissionUncertain": 43,
    "UnknownSchedd": 44,
    "PoolError": 45,
    "QueueDirectoryRefused": 46,
    "QueueNotWritable": 47,
    "NotOnThisMachine": 48,
    "NotOnSlurm": 49,
    "AmbiguousJob": 50,
    "UnknownJob": 51,
    "NotYetMade": 52,
    "NotDone": 53,
    "CredentialMissing": 54,
    "CredentialExpired": 55,
    "AgentUnavailable": 56,
    "CredentialRefused": 57,
    "ProviderUnreachable": 58,
    "RenewalNotInstalled": 59,
    "JobsFailed": 60,
    "TimeOver": 61,
    "ToolFailed": 70,
    "OutputUnwritable": 71,
    "MountPointRefused": 72,
    "FuseUnavailable": 73,
    "MountFailed": 74,
    "MountBusy": 75,
    "UnknownMount": 76,
    "Interrupted": 130,
}


def test_exit_codes_are_a_contract() -> None:
    """Scripts rely on these numbers: one may be added, here too, none may change."""
    assert {each.__name__: each.exit_code for each in ALL} == EXIT_CODES


def test_exit_codes_are_all_distinct() -> None:
    """One exit code means one error."""
    assert [
        code for code, times in Counter(each.exit_code for each in OWN).items() if times > 1
    ] == []


def test_words_of_errors_are_all_distinct() -> None:
    """One `code` in JSON means one error."""
    assert [word for word, times in Counter(each.code for each in OWN).items() if times > 1] == []


@pytest.mark.parametrize(
    "error",
    [each for each in ALL if each is not errors.Interrupted],
    ids=lambda each: each.__name__,
)
def test_designed_errors_leave_the_reserved_exit_codes_alone(error: type[HepsubError]) -> None:
    """0 is success, 1 a bug, 128 and above belong to signals (130 to Ctrl-C)."""
    assert 2 <= error.exit_code < 128


def test_errors_stand_in_the_order_of_their_exit_codes() -> None:
    """Whoever looks for the next free number finds it where the others of its kind are."""
    codes = [each.exit_code for each in ALL]
    assert codes == sorted(codes)


def test_an_error_carries_what_happened_and_what_to_do() -> None:
    """The message is the exception's text; the remedy stands beside it."""
    error = errors.ToolFailed("kinit failed", remedy="try again")
    assert (str(error), error.message, error.remedy) == (
        "kinit failed",
        "kinit failed",
        "try again",
    )
