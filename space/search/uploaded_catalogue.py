"""A visitor's own catalogue: a csv of at most 2,000 products to a search engine, with the encoders already loaded.

Nothing is stored: the engine that ``embed`` returns holds all there is.
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import torch

from space.data.catalogue import BULLETS, EXTRA_COLUMNS, DataError, Source, as_catalogue
from space.data.csv_reader import CsvError, read_csv
from space.data.passages import passages, with_text
from space.encoding.description import ENCODERS
from space.errors import shown
from space.i18n import N_, number
from space.i18n import gettext as _
from space.index.bm25 import Bm25Index
from space.index.torch_index import TorchIndex
from space.retrieval.baselines import Bm25System
from space.retrieval.dense import DenseSystem
from space.retrieval.system import System
from space.search.engine import SearchEngine

MAX_ROWS, MAX_BYTES, MAX_CELL, MAX_COLUMNS = 2_000, 2_000_000, 2_000, 200
#: Names that shops give the columns; the first one found is used.
NAMES = {
    "product_id": ("product_id", "id", "sku", "asin", "article", "item_id"),
    "product_title": ("product_title", "title", "name", "product_name", "product", "item", "description"),
    "product_brand": ("product_brand", "brand", "manufacturer", "vendor", "maker"),
    "product_color": ("product_color", "color", "colour", "product_colour"),
    "product_locale": ("product_locale", "locale"),
    BULLETS: (BULLETS, "bullet_points", "bullets", "features"),
    **{name: (name,) for name in EXTRA_COLUMNS},
}
#: The locale of products whose file has no such column. It is not one of ESCI's, so no language is assumed.
LOCALE = "own"
#: Passages encoded between two progress reports, about a second on two cores.
_STEP = 64
Progress = Callable[[int, int], object]
#: Made-up products to try in one click.
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
EXAMPLE_NAME, EXAMPLE_QUERY = N_("the example"), "keep my coffee hot on the train"


def parse(data: bytes, source: str) -> pa.Table:
    """The catalogue in a csv.

    Args:
        data: the bytes of the file.
        source: its name in messages.

    Returns:
        Product columns as ``space.data.catalogue`` has them. Without a column for the id, a product's id is its line.

    Raises:
        DataError: the file is too large or not a csv, or a cell cannot be used; names line and column.
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
    places = Source(source, found.lines, {ours: table.column_names[place] for ours, place in names.items()})
    return with_text(as_catalogue(pa.table(columns), places, bullets=BULLETS in columns), source)[0]


def too_large(source: str, size: int) -> DataError:
    """The error for a file of ``size`` bytes; the file need not have been read."""
    text = _("{source}: {size} bytes; use at most {most}")
    return DataError(text.format(source=source, size=number(size), most=number(MAX_BYTES)))


def can_search(engine: SearchEngine) -> bool:
    """Whether an engine has both encoders, which an uploaded catalogue needs."""
    return all(isinstance(engine.systems.get(name), DenseSystem) for name in ENCODERS)


def embed(engine: SearchEngine, products: pa.Table, progress: Progress = lambda done, total: None) -> SearchEngine:
    """An engine over ``products`` with base, tuned and BM25.

    Args:
        engine: its encoders are used; no weights are loaded again.
        products: from ``parse``.
        progress: called with (products done, all products).
    """
    # The text that the encoders read in the store; bullet points are left out where the file has none.
    bullets = engine.bullets if BULLETS in products.column_names else 0
    texts = passages(products, bullets)
    # On ZeroGPU each call takes a GPU slot, so there is one call for all.
    step = len(texts) if engine.gpu_per_call else _STEP
    parts = []
    for start in range(0, len(texts), step):
        progress(start, len(texts))
        parts.append(engine.encode(ENCODERS, [], texts[start : start + step]))
    systems: dict[str, System] = {}
    for name in ENCODERS:
        vectors = torch.from_numpy(np.concatenate([part[name][1] for part in parts]))
        # On the CPU: 2,000 rows take less than a millisecond, and no GPU slot.
        systems[name] = DenseSystem(name, _SharedEncoder(engine, name), TorchIndex(vectors, device="cpu"))
    # Without bullet points, as over the store.
    systems["bm25"] = Bm25System(Bm25Index(passages(products), products["product_locale"]))
    progress(len(texts), len(texts))
    return SearchEngine(products, systems, bullets=bullets)


class _SharedEncoder:
    """An encoder of another engine. Calls go through that engine, which has the GPU."""

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
    """{our column: position of the file's column}."""
    names = [name.casefold().replace(" ", "_").replace("-", "_") for name in header]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        text = _("{source}: line 1 has more than one column {name}; give each its own name")
        raise DataError(text.format(source=source, name=shown(repeated)))
    places = {}
    for ours, known in NAMES.items():
        name = next((name for name in known if name in names), None)
        if name is not None:
            places[ours] = names.index(name)
    if "product_title" not in places:
        found = ", ".join(repr(name[:40]) for name in header[:8])
        text = _("{source}: line 1 should name the columns, one of them title or name; it has {found}")
        raise DataError(text.format(source=source, found=found))
    return places
