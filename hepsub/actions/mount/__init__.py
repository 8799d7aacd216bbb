"""hep_mount: a bucket as a directory, made, listed and taken away."""
