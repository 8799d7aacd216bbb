"""hepsub: submit physics jobs to HTCondor with HepJob's commands."""

__version__ = "0.1.0"
