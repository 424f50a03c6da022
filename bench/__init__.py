"""Measurements, run by `dev.py bench`. They print; no test waits for a number of theirs."""
