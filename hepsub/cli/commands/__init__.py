"""One module for each command: what it accepts, and the one call."""
