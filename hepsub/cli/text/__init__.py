"""Values as text: one module for each family of values, found by `hepsub.cli.render`."""
