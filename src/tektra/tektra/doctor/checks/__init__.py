"""The checks, one idea a class."""
