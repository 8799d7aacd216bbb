"""What a schedd's refusals mean, in the words that real ones were heard to say."""

from __future__ import annotations

import pytest

from hepsub.condor.answers import REFUSED_REMEDY, says_why, schedd_error
from hepsub.errors import (
    AuthenticationRefused,
    HepsubError,
    PoolError,
    PoolUnreachable,
    ScheddNotReached,
    SubmissionRefused,
)

SCHEDD = "schedd01@ap.test.hep"
TRIED = (
    "Failed to connect to schedd, errmsg=AUTHENTICATE:1003:Failed to authenticate with any method"
    "|AUTHENTICATE:1004:Failed to authenticate using {}|AUTHENTICATE:1004:Failed to authenticate using IDTOKENS"
)
NOTHING_COMMON = (
    "Failed to connect to schedd, errmsg=SECMAN:2005:Protocol Error: No auth methods."
    "|Failed to start command"
)
DENIED = 'SECMAN:2010:Received "DENIED" from server for user {} using method {}.'
BUSY = (
    "Failed to fetch ads from schedd, errmsg=SECMAN:2007:This service is running, but did not respond in a"
    " reasonable time. It may be overloaded."
)
NEXT = "expected next ProcId to be 5, but Schedd says {}"
TOKEN = (
    "the token that was shown has to be of an issuer that the schedd trusts, for the schedd's own audience, and must"
    " not have ended: see audience in the [credential] that [pool] token names, and hep_auth"
)
TICKET = (
    "the Kerberos ticket has to be there and must not have ended: klist shows it, kinit gets one (when it is good,"
    " kvno host/ap.test.hep tells whether the realm knows the schedd)"
)
IDTOKEN = (
    "on the submit node itself: condor_token_fetch -token hepsub; elsewhere ask the administrators for a token in"
    " ~/.condor/tokens.d"
)
REFUSED = f"the schedd {SCHEDD} refused to believe who you are "
AWAY = (
    f"the schedd {SCHEDD} does not answer",
    "try again in a minute; hep_q shows the other schedds' jobs meanwhile",
)
LIMIT = "that is a limit of the pool ({}): submit fewer, or wait until some have ended"
NOBODY = (
    f"the schedd {SCHEDD} believes that you are mallory, but has no such account",
    "hep_auth shows as whom it knows you, and by which method; the administrators of the pool map what you show to an"
    " account",
)
MY_SCOPES = (
    "the token needs the scopes compute.read, compute.create, compute.modify and compute.cancel: see scopes in the"
    " [credential] that [pool] token names, and what the provider grants you"
)


def said(text: str) -> str:
    """A schedd's words, in ours."""
    return f"the schedd {SCHEDD} said: {text}"


@pytest.mark.parametrize(
    ("text", "kind", "message", "remedy"),
    [
        (TRIED.format("KERBEROS"), AuthenticationRefused, f"{REFUSED}(tried: KERBEROS, IDTOKENS; {{}})",
         f"{TICKET}; or, {IDTOKEN}"),
        (TRIED.format("SCITOKENS"), AuthenticationRefused, f"{REFUSED}(tried: SCITOKENS, IDTOKENS; {{}})",
         f"{TOKEN}; or, {IDTOKEN}"),
        (TRIED.format("IDTOKENS"), AuthenticationRefused, f"{REFUSED}(tried: IDTOKENS; {{}})", IDTOKEN),
        (NOTHING_COMMON, AuthenticationRefused,
         f"{REFUSED}(no method in common: SEC_CLIENT_AUTHENTICATION_METHODS here allows KERBEROS, SCITOKENS; {{}})",
         f"{TOKEN}; or, {TICKET}; or, {IDTOKEN}"),
        ("Failed to start command.", AuthenticationRefused,
         f"{REFUSED}(allowed here, if HTCondor came to try them: KERBEROS, SCITOKENS; Failed to start command)",
         f"{TOKEN}; or, {TICKET}; or, {IDTOKEN}"),
        (DENIED.format("a@b", "SCITOKENS"), AuthenticationRefused,
         f"the schedd {SCHEDD} knows you as a@b (by SCITOKENS), but does not let you do this", MY_SCOPES),
        (DENIED.format("a@b", "FS"), AuthenticationRefused,
         f"the schedd {SCHEDD} knows you as a@b (by FS), but does not let you do this",
         "ask the administrators of the pool"),
        (BUSY, PoolUnreachable, *AWAY),
        ("x, errmsg=CEDAR:6001:no", PoolUnreachable, *AWAY),
        ("Failed to connect to <1.2.3.4:5>", ScheddNotReached, *AWAY),
        (f"Failed to connect to schedd. {BUSY}", ScheddNotReached, *AWAY),
        ('SCHEDD:2:Setting owner to "mallory", which is not a valid user account', SubmissionRefused, *NOBODY),
        ("SCHEDD:28:AP user has OS user value mallory, which is not a valid OS account", SubmissionRefused, *NOBODY),
        (NEXT.format("-2"), SubmissionRefused, said("{}"), LIMIT.format("MAX_JOBS_SUBMITTED, of all users together")),
        (NEXT.format("-3"), SubmissionRefused, said("{}"), LIMIT.format("MAX_JOBS_PER_OWNER, of one user")),
        (NEXT.format("-4"), SubmissionRefused, said("{}"),
         LIMIT.format("MAX_JOBS_PER_SUBMISSION, of one submission")),
        (NEXT.format("-9"), SubmissionRefused, said("{}"), REFUSED_REMEDY),
        ("no ProcId", SubmissionRefused, said("{}"), REFUSED_REMEDY),
        ("no ClusterId", SubmissionRefused, said("{}"), REFUSED_REMEDY),
        ("no\n  job ad.", SubmissionRefused, said("no job ad"), REFUSED_REMEDY),
        ("what?", PoolError, said("{}"), "the words are HTCondor's"),
    ],
)  # fmt: skip
def test_what_a_schedds_words_mean(
    text: str, kind: type[HepsubError], message: str, remedy: str
) -> None:
    """Who is not believed is told of what was tried, and of nothing that is not in play.

    A schedd that is kept busy does not answer: the client takes its silence for trouble with the authentication, and
    no token would help. For an account that is not there 23.9 and 25 have different words.
    """
    error = schedd_error(SCHEDD, text, "kerberos, SCITOKENS")
    assert type(error) is kind
    assert (error.message, error.remedy) == (message.format(text.rstrip(".")), remedy)


def test_where_nothing_is_allowed_that_is_said() -> None:
    error = schedd_error("schedd01", "Failed to start command", "")
    assert "(allowed here, if HTCondor came to try them: none; " in error.message
    assert "kvno host/schedd01 tells" in schedd_error("schedd01", TRIED.format("KERBEROS")).remedy


@pytest.mark.parametrize(
    ("text", "says"),
    [("AUTHENTICATE:1", True), ("CEDAR:6001", True), ('"DENIED"', True), ("failed", False)],
)
def test_whether_words_name_a_cause(text: str, says: bool) -> None:
    assert says_why(text) is says
