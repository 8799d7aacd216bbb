"""What all tests share: the testbed's fixtures, where the testbed is."""

import importlib.util

pytest_plugins = (
    ["tests.testbed.fixtures"] if importlib.util.find_spec("tests.testbed.fixtures") else []
)
