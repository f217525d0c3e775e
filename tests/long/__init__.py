"""Long tests: fuzzing, kills, mutation testing, load. docs/reliability.md says what they found."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The helpers of tests/ (shop, Hub, small model) are imported by their file names.
sys.path[:0] = [path for path in (str(ROOT), str(ROOT / "tests")) if path not in sys.path]
