"""Numbers fitted to eval sets, with what they gain on cases that they were not fitted to."""
