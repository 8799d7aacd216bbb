"""Attacks on the user, each by whoever could make it, on the real pool: what they may not reach stays as it was."""
