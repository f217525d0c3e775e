"""The page's style sheet and scripts."""

from pathlib import Path

_HERE = Path(__file__).parent
STYLE = _HERE / "style.css"


def script(*names: str) -> str:
    """The files ``NAME.js`` in this order, as one script; a later one uses what an earlier one defines."""
    return "\n".join((_HERE / f"{name}.js").read_text(encoding="utf-8") for name in names)
