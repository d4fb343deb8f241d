"""What the operator sees: logs and traces, by ids and times, without a word of what people said."""
