"""Long runs that try to break it; docs/reliability.md says what they found."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The tests' helpers are beside them and found by path: their shop, their Hub, their small model.
sys.path[:0] = [path for path in (str(ROOT), str(ROOT / "tests")) if path not in sys.path]
