"""The version of hepsub, said once."""

__version__ = "0.1.0"
