"""Embedding models on servers: vLLM, llama-server, Ollama, Text Embeddings Inference, ragent itself."""
