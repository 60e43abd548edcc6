"""Language models that run here. Importing this loads no engine."""
