"""How people reach us: adapters between a socket, its wire protocol and a conversation."""
