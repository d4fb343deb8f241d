"""What happens in a conversation, measured: nothing lost, nothing misheard, nobody cut off."""
