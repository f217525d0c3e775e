"""A visitor's own small catalogue: a csv to an engine over it, with the encoders that are loaded already.

Knows no page. Nothing is kept: what is given back is all there is, and goes when its holder lets go of it.
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import torch

from space.data.catalogue import EXTRA_COLUMNS, DataError, Places, passages, refuse_nulls, shaped
from space.data.csv_reader import CsvError, read_csv
from space.encoding.description import ENCODERS
from space.errors import shown
from space.index.bm25 import Bm25Index
from space.index.torch_index import TorchIndex
from space.retrieval.systems import Bm25System, DenseSystem, System
from space.search.engine import SearchEngine

MAX_ROWS, MAX_BYTES, MAX_CELL, MAX_COLUMNS = 2_000, 2_000_000, 2_000, 200
#: What shops call the columns; the first that is there counts.
NAMES = {
    "product_id": ("product_id", "id", "sku", "asin", "article", "item_id"),
    "product_title": ("product_title", "title", "name", "product_name", "product", "item", "description"),
    "product_brand": ("product_brand", "brand", "manufacturer", "vendor", "maker"),
    "product_color": ("product_color", "color", "colour", "product_colour"),
    "product_locale": ("product_locale", "locale"),
    **{name: (name,) for name in EXTRA_COLUMNS},
}
#: The locale of products whose file names none: none of the data's, and so of no known language.
LOCALE = "own"
#: Passages encoded between two reports, about a second on two cores.
_STEP = 64
Progress = Callable[[int, int], object]
#: Made up, to be tried in one click: half of it is found by words that no query of a beginner would hold.
EXAMPLE = """sku,name,brand,color,price
K-101,Double-walled travel mug 400 ml with lid,Norrwick,steel,24.90
K-102,Ceramic espresso cup set of four,Norrwick,white,19.50
K-103,Insulated bottle 750 ml,Halde,forest green,29.00
K-104,French press 1 litre,Halde,black,34.00
K-105,Burr grinder with twelve settings,Tamsin,black,79.00
G-201,Folding camping chair with armrests,Ostra,sand,39.95
G-202,Two-person trekking tent,Ostra,olive,149.00
G-203,Down sleeping bag to -5 degrees,Ostra,navy,189.00
G-204,Rechargeable headlamp 300 lumen,Lumora,black,27.00
S-301,Trail running shoes with wide toe box,Fenn,red,119.00
S-302,Waterproof hiking boots,Fenn,brown,159.00
S-303,Merino socks pack of three,Fenn,grey,22.00
D-401,Wireless keyboard compact,Quill & Byte,white,49.00
D-402,Vertical mouse for left hands,Quill & Byte,graphite,39.00
D-403,Laptop stand of bent oak,Quill & Byte,,45.00
D-404,"Monitor lamp, clips on top of the screen",Lumora,black,59.00
"""
EXAMPLE_NAME, EXAMPLE_QUERY = "the example", "keep my coffee hot on the train"


def parse(data: bytes, source: str) -> pa.Table:
    """A catalogue from the bytes of a csv.

    Args:
        data: the file.
        source: what to call it in messages.

    Returns:
        Product columns as ``space.data.catalogue`` has them; without a column for the id, the line is the id.

    Raises:
        DataError: too large, no csv, no title, a cell that cannot be used; with line and column.
    """
    if len(data) > MAX_BYTES:
        raise too_large(source, len(data))
    try:
        found = read_csv(io.BytesIO(data), max_rows=MAX_ROWS, max_cell=MAX_CELL, max_columns=MAX_COLUMNS)
    except CsvError as error:
        raise DataError(f"{source}: {error}") from error
    table, names = found.columns, _columns_of(found.columns.column_names, source)
    columns = {ours: table.column(place) for ours, place in names.items()}
    if "product_id" not in columns:
        columns["product_id"] = pa.chunked_array([pa.array(map(str, found.lines.tolist()), pa.string())])
    if "product_locale" not in columns:
        columns["product_locale"] = pa.chunked_array([pa.array([LOCALE] * len(table), pa.string())])
    places = Places(source, found.lines, {ours: table.column_names[place] for ours, place in names.items()})
    products = shaped(pa.table(columns), places, bullets=False)
    refuse_nulls(products, ["product_title"], places)
    return products


def too_large(source: str, size: int) -> DataError:
    """What to say of a file of ``size`` bytes, which need not have been read for it."""
    return DataError(f"{source}: {size:,} bytes; use at most {MAX_BYTES:,}")


def can_search(engine: SearchEngine) -> bool:
    """Whether an engine has both encoders to lend."""
    return all(isinstance(engine.systems.get(name), DenseSystem) for name in ENCODERS)


def embed(engine: SearchEngine, products: pa.Table, progress: Progress = lambda done, total: None) -> SearchEngine:
    """An engine over ``products``: base and tuned of ``engine``, and BM25.

    Args:
        engine: lends its encoders; no weight is loaded again.
        products: from ``parse``.
        progress: called with the number of products done, and of all.
    """
    texts = passages(products)
    # Where a GPU is borrowed for each call, everything goes in one; it is done before a bar would move.
    step = len(texts) if engine.gpu_per_call else _STEP
    parts = []
    for start in range(0, len(texts), step):
        progress(start, len(texts))
        parts.append(engine.encode(ENCODERS, [], texts[start : start + step]))
    systems: dict[str, System] = {}
    for name in ENCODERS:
        vectors = torch.from_numpy(np.concatenate([part[name][1] for part in parts]))
        # Small enough for the CPU, which is always there.
        systems[name] = DenseSystem(name, _Lent(engine, name), TorchIndex(vectors, device="cpu"))
    systems["bm25"] = Bm25System(Bm25Index(texts))
    progress(len(texts), len(texts))
    return SearchEngine(products, systems)


class _Lent:
    """An encoder of another engine, used through that engine, which knows how to come by its device."""

    def __init__(self, engine: SearchEngine, system: str) -> None:
        self._engine, self._system = engine, system
        self._encoder = engine.systems[system].encoder
        self.name, self.fingerprint, self.dim = self._encoder.name, self._encoder.fingerprint, self._encoder.dim

    def encode_queries(self, texts: Sequence[str]) -> torch.Tensor:
        """See ``Encoder``."""
        return torch.from_numpy(self._engine.encode([self._system], texts, [])[self._system][0])

    def encode_passages(self, texts: Sequence[str]) -> torch.Tensor:
        """See ``Encoder``."""
        return torch.from_numpy(self._engine.encode([self._system], [], texts)[self._system][1])

    def is_cut(self, passage: str) -> bool:
        """See ``Encoder``."""
        return self._encoder.is_cut(passage)


def _columns_of(header: Sequence[str], source: str) -> dict[str, int]:
    """{column of ours: place of the file's column}."""
    known = [name.casefold().replace(" ", "_").replace("-", "_") for name in header]
    twice = next((name for name in known if known.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{source}: line 1 has more than one column {shown(twice)}; give each its own name")
    places = {}
    for ours, names in NAMES.items():
        there = [known.index(name) for name in names if name in known]
        places |= {ours: there[0]} if there else {}
    if "product_title" not in places:
        have = ", ".join(repr(name[:40]) for name in header[:8]) or "no name at all"
        raise DataError(f"{source}: line 1 should name the columns, one of them title or name; it has {have}")
    return places
