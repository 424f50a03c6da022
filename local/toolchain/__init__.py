"""What `dev.py` stands on: interpreters, virtual environments, Node, a browser, the checks.

Standard library only, because it runs before anything is installed (`skips` and `contracts`, which
run inside pytest and import-linter, aside).
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".venv"
