"""What each command does, with no terminal: every action returns a Result."""
