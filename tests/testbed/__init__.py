"""The real services of the tests: an HTCondor pool, its users, a remote site and a login node."""
