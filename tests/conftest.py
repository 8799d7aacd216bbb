"""What all tests share: the testbed's fixtures, where the testbed is."""

import importlib.util
import signal

# Started by nohup, this process would hand an ignored SIGHUP on to every job that the tests start, and a
# shell cannot undo that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

pytest_plugins = (
    ["tests.testbed.fixtures"] if importlib.util.find_spec("tests.testbed.fixtures") else []
)
