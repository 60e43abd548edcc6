"""How well a language model foresees a text."""
