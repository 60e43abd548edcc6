"""The derived indexes: nearest neighbours by FAISS, keywords by tantivy. Never the truth."""
