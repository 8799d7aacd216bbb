"""Slurm behind hepsub's seam to batch systems: an array for each submission, by Slurm's own programs."""
