"""Ways to search beyond asking the indexes once: each stands under an entry point `ragent.techniques`."""
