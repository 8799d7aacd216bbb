"""What is true now: reads the world, changes nothing, decides nothing."""
