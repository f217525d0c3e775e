"""The page's style sheet, scripts and drawings."""

from pathlib import Path

_HERE = Path(__file__).parent
STYLE = _HERE / "style.css"
#: Pictures of the sample's products, see ``space.ui.html.drawing``.
DRAWINGS = _HERE / "drawings.json"


def script(*names: str) -> str:
    """The files ``NAME.js`` in this order, as one script; a later one uses what an earlier one defines."""
    return "\n".join((_HERE / f"{name}.js").read_text(encoding="utf-8") for name in names)
