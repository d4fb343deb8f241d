"""What is kept of conversations: turns with what was heard, recordings, search, replay, sharing, retention."""
