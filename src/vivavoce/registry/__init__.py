"""What is offered: apps (personas and modes), and settings that may change while the server runs."""
