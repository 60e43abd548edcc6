"""Eval sets written from the documents of a collection: proposed by rules and a model, then filtered."""
