"""hep_sub demo, and what its jobs run."""
