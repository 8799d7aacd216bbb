"""Other people's programs: one module for each, one runner for all."""
