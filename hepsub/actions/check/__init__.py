"""hep_sub -check: whether all is there that a submission needs, and what the policy is that counts."""
