"""Models behind ports. Nothing here knows of conversations, sockets or people."""
