"""Which steps a test goes through that could go through all of them.

    THOROUGH=all FAULT_SEED=7 python3 dev.py test tests/sending/test_crashes.py

takes every step. Ordinarily it is every eighth, from a place that the seed chooses, so that a few
runs have been everywhere; the seed is printed.
"""

from __future__ import annotations

import os
import random

ALL = os.environ.get("THOROUGH") == "all"
SEED = int(os.environ.get("FAULT_SEED") or random.randrange(1_000_000))
EVERY = 1 if ALL else 8


def steps(below: int) -> range:
    """The numbers of the steps to take, from 1 on."""
    first = 1 + SEED % EVERY
    print(f"steps {first}, {first + EVERY}, {first + 2 * EVERY} …, seed {SEED}")
    return range(first, below, EVERY)
