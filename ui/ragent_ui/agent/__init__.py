"""Agent mode of the chat."""
