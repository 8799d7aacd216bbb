"""hep_fetch: look, decide, bring, and say what is missing and why."""
