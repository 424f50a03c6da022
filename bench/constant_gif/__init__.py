"""A function app with one function: what the least that a pixel could do costs on the same host."""
