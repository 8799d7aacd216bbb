"""The command line: words in, text and exit code out. The only importer of click and rich."""
