"""Outputs that HTCondor brought back: put into their paths, or uploaded later."""
