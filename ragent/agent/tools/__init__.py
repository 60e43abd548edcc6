"""The built-in tools, one a module, each opened by its entry point in `ragent.tools`."""
