"""Which nights of a guest house are taken."""
