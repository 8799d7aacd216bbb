"""Man pages, shell completions and schemas, made from the declarations that the commands are read with."""
