"""hep_auth, login, s3 and token: what there is, what is missing, and where it comes from."""
