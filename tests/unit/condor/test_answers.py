"""What a schedd's refusals mean, in the words that real ones were heard to say."""

from __future__ import annotations

import pytest

from hepsub.condor.answers import schedd_error
from hepsub.errors import AuthenticationRefused, SubmissionRefused

SCHEDD = "schedd01@ap.test.hep"
TRIED = (
    "Failed to connect to schedd, errmsg=AUTHENTICATE:1003:Failed to authenticate with any method"
    "|AUTHENTICATE:1004:Failed to authenticate using {}|AUTHENTICATE:1004:Failed to authenticate using IDTOKENS"
)
NOTHING_COMMON = (
    "Failed to connect to schedd, errmsg=SECMAN:2005:Protocol Error: No auth methods."
    "|Failed to start command"
)


def test_the_methods_that_were_tried_are_named() -> None:
    """Each with what it needs; those of the configuration that were not tried are not."""
    error = schedd_error(SCHEDD, TRIED.format("KERBEROS"), "FS, SCITOKENS, KERBEROS")
    assert isinstance(error, AuthenticationRefused)
    assert "(tried: KERBEROS, IDTOKENS;" in error.message
    assert "klist shows it, kinit gets one" in error.remedy
    assert "kvno host/ap.test.hep" in error.remedy
    assert "condor_token_fetch" in error.remedy
    assert "audience" not in error.remedy


def test_a_method_that_is_not_in_play_is_not_recommended() -> None:
    """Who shows tokens only need not hear of tickets."""
    error = schedd_error(SCHEDD, TRIED.format("SCITOKENS"), "SCITOKENS, KERBEROS")
    assert "audience" in error.remedy
    assert "kinit" not in error.remedy


@pytest.mark.parametrize("text", ["Failed to start command.", NOTHING_COMMON])
def test_where_none_is_named_those_that_are_allowed_are(text: str) -> None:
    """A ping does not say; a schedd that takes none of them says that."""
    error = schedd_error(SCHEDD, text, "KERBEROS, FS")
    assert isinstance(error, AuthenticationRefused)
    assert "KERBEROS, FS" in error.message
    assert ("no method in common" in error.message) == ("No auth methods" in text)
    assert "kinit" in error.remedy


@pytest.mark.parametrize(
    "text",
    [
        'Unable to commit transaction, SCHEDD:2:Setting owner to "mallory", which is not a valid user account',
        "Failed to create new cluster.SCHEDD:28:AP user has OS user value mallory, which is not a valid OS account",
    ],
)
def test_who_is_believed_but_has_no_account_is_told_so(text: str) -> None:
    """23.9 and 25 have different words for it."""
    error = schedd_error(SCHEDD, text, "KERBEROS")
    assert isinstance(error, SubmissionRefused)
    assert "believes that you are mallory, but has no such account" in error.message
    assert "hep_auth" in error.remedy


def test_a_schedd_that_is_kept_busy_does_not_answer() -> None:
    """The client takes its silence for trouble with the authentication; no token would help."""
    said = (
        "Failed to fetch ads from schedd, errmsg=SECMAN:2007:This service is running, but did not respond in a"
        " reasonable time. It may be overloaded."
    )
    found = schedd_error("schedd01", said, "IDTOKENS, FS")
    assert (found.code, found.message) == (
        "pool-unreachable",
        "the schedd schedd01 does not answer",
    )
