"""What can be said of a pool without asking it."""

from __future__ import annotations

import pytest

from hepsub.condor.bindings import is_configured


@pytest.mark.parametrize("value", ["ONLY_ENV", "/etc/condor/condor_config", "/no/such/file"])
def test_who_names_a_configuration_has_a_pool(value: str) -> None:
    """Also one that is not there: that is an error to tell, not a reason to use another pool."""
    assert is_configured({"CONDOR_CONFIG": value})
