"""What all tests share: the testbed's fixtures, where the testbed is."""

import importlib.util
import signal

from hypothesis import settings

settings.register_profile("hepsub", deadline=None)  # how long it takes is the machine's affair
settings.load_profile("hepsub")

# Started by nohup, or in the background of a script, this process would hand ignored signals on to every
# job that the tests start, and a shell cannot undo that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = (
    ["tests.testbed.fixtures", "tests.pool.fixtures"]
    if importlib.util.find_spec("tests.testbed.fixtures")
    else []
)
