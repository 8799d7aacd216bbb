"""Stand-ins for the world, as values: no test patches hepsub."""
