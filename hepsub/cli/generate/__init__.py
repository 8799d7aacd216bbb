"""Man pages and shell completions, made from the declarations that the commands are read with."""
