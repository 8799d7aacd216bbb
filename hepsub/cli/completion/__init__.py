"""What shells complete: the scripts for them, and what these ask hep_sub for while somebody types."""
