"""Settings, the composition root, roles and the command line."""
