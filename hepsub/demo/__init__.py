"""What hep_sub demo needs: events, a program that reads them, and a histogram."""
