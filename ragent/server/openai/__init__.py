"""OpenAI's protocol, over the documents and over the plain model.

Source: OpenAI's API reference, "Chat", "Completions", "Embeddings" and "Models".
"""
