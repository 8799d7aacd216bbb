"""Values as text: one module for each family, found by `hepsub.cli.output`."""
