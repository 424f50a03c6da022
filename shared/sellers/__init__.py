"""Sellers: what each of them decides for their own mail."""
