"""Work on a corpus as a whole: tables to match, topics, and a graph of who and what documents speak of."""
