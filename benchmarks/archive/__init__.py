"""What keeping and recording conversations costs."""
