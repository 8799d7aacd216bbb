"""HTCondor: descriptions and ads (pure), and schedd.py, the one place that talks to the pool."""
