"""What a collection is about: groups of passages that mean alike, with the words that tell them apart."""
