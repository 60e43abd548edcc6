"""`ragent eval`: one file a verb or two; `app` puts them together."""
