"""The Streamlit chat page and its pages."""
