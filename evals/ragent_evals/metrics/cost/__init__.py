"""What cases took: tokens, seconds and memory."""
