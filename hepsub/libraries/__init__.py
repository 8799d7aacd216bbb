"""What follows -lib: a tree of files, the archive it becomes, and the archives that are kept."""
