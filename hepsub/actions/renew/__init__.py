"""hep_auth renew: one round over live bundles, and who starts it."""
