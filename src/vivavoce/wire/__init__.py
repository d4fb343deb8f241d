"""What peers say: one sans-io codec per protocol, typed messages. Pure: bytes in, messages out."""
