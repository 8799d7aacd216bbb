"""What the site decided: TOML files, read into one frozen value that knows where each key came from."""
