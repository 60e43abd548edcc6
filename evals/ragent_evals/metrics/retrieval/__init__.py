"""How well a search ranks what is relevant, as trec_eval measures it."""
