"""The sources of the policy's credentials, by name."""

from __future__ import annotations

import pytest

from hepsub.auth.kerberos import KerberosSource
from hepsub.auth.sources import source_for
from hepsub.auth.token import TokenSource
from hepsub.errors import UsageError
from hepsub.policy.model import KERBEROS, TOKEN
from tests.fakes.world import make_policy, make_situation

POLICY = make_policy(
    '[credential.iam]\naudience = "a"\nscopes = ["x"]\n[credential.other]\nkind = "token"\n'
)


def test_a_ticket() -> None:
    situation = make_situation(environment={"KRB5CCNAME": "FILE:/x"})
    source = source_for("krb", POLICY, situation)
    assert isinstance(source, KerberosSource)
    assert (source.name, source.kind, source.uid) == ("krb", KERBEROS, 1000)
    assert source.environment["KRB5CCNAME"] == "FILE:/x"


def test_a_token() -> None:
    source = source_for("iam", POLICY, make_situation())
    assert isinstance(source, TokenSource)
    assert (source.kind, source.for_shell) == (TOKEN, False)
    assert (source.policy.audience, source.policy.scopes) == ("a", ("x",))


def test_a_token_for_somebody_else() -> None:
    source = source_for(
        "iam", POLICY, make_situation(), audience="b", scopes=("y",), for_shell=True
    )
    assert isinstance(source, TokenSource)
    assert (source.policy.audience, source.policy.scopes, source.for_shell) == (
        "b",
        ("y",),
        True,
    )


def test_an_unknown_name_has_a_neighbour() -> None:
    with pytest.raises(UsageError, match="no credential 'othr'") as caught:
        source_for("othr", POLICY, make_situation())
    assert caught.value.remedy == "did you mean 'other'?"
