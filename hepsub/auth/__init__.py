"""The shared credential layer: where keys come from, and what travels with a job."""
