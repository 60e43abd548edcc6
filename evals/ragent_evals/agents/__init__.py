"""Sets that measure agents: calls of functions, and questions about tables."""
