"""hep_sub: survey, plan, bundle, commit, and what an interruption leaves."""
