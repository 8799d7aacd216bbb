"""What the policy says where nobody named an option: a mistake there is told with its file and line."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from hepsub.errors import HepsubError, PolicyError
from hepsub.policy.model import Policy

_OPTION = r"(argument )?-[\w/-]+:? "


@contextlib.contextmanager
def default_of(policy: Policy, key: str) -> Iterator[None]:
    """Blame what is wrong with a default on the line that set it, not on the option that nobody gave.

    Args:
        policy: what the site decided.
        key: the default's dotted name, such as `defaults.pool`.

    Raises:
        PolicyError: the default is wrong.
    """
    try:
        yield
    except HepsubError as error:
        what = re.sub(_OPTION, "", error.message, count=1)
        raise PolicyError(f"{policy.origin(key)}: {key}: {what}", remedy=error.remedy) from error
