"""Rerankers read the query and the passages together, and put the best hits in a better order.

Each stands under its name in the entry point group `ragent.rerankers`, and is made with a `SearchContext`.
"""
