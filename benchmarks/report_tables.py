"""Markdown of measured differences, and the pages that tables go into."""

from pathlib import Path
from typing import Any


def cell(found: dict[str, Any], sign: str = "+") -> str:
    """``+0.036 [+0.010, +0.062]``: a mean with its interval; ``sign`` "" leaves out the plus."""
    return f"{found['mean']:{sign}.3f} [{found['low']:{sign}.3f}, {found['high']:{sign}.3f}]"


def put_between(mark: str, page: Path, table: str) -> None:
    """Replace what stands between the two lines ``mark`` of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(mark)
    page.write_text(f"{before}{mark}\n{table}\n{mark}{rest.partition(mark)[2]}", encoding="utf-8")
