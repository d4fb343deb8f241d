"""A small typed client of the REST API, for the command line, for scripts and for tests."""
