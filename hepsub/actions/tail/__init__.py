"""What jobs write to stdout and stderr: the end of it, and what comes next."""
