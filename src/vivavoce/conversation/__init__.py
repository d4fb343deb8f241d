"""What happens in a turn: the turn machine, the engine of a session, history, skills, the cascade."""
