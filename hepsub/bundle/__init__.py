"""What travels with a submission and comes back: nothing else reads or writes it."""
