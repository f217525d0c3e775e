"""A visitor's own catalogue: a csv of at most 2,000 products to a search engine, with the encoders already loaded.

Nothing is stored: all data is in the engine that ``embed`` returns.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from space.data.catalogue import BULLETS, NO_LOCALE, DataError
from space.data.catalogue_file import read_catalogue
from space.data.column_names import find_columns
from space.data.csv_reader import CsvError
from space.data.file_tables import FileTable, csv_table
from space.data.passages import passages
from space.encoding import lineup
from space.errors import listed, shown
from space.i18n import N_, number
from space.i18n import gettext as _
from space.index.bm25 import Bm25Index
from space.index.torch_index import TorchIndex
from space.retrieval.baselines import Bm25System
from space.retrieval.dense import DenseSystem
from space.retrieval.system import System
from space.search.engine import SearchEngine

MAX_ROWS, MAX_BYTES, MAX_CELL, MAX_COLUMNS = 2_000, 2_000_000, 2_000, 200
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


@dataclass(frozen=True)
class Upload:
    """What was read of a visitor's file.

    Attributes:
        products: product columns as ``space.data.catalogue`` has them. Without a column for the id, a product's id is
            its line.
        notes: sentences about the columns used, and about values and rows that were left out.
    """

    products: pa.Table
    notes: list[str]


def parse(data: bytes, source: str) -> Upload:
    """The catalogue in a csv.

    Args:
        data: the bytes of the file.
        source: its name in messages.

    Raises:
        DataError: the file is too large or not a csv, or a cell cannot be used; names line and column.
    """
    if len(data) > MAX_BYTES:
        raise too_large(source, len(data))
    try:
        table = csv_table(io.BytesIO(data), max_rows=MAX_ROWS, max_columns=MAX_COLUMNS)
    except CsvError as error:
        raise DataError(f"{source}: {error}") from error
    places = find_columns(table.header, {}, source)
    if "product_title" not in places:
        text = _("{source}: line 1 should name the columns, one of them title or name; it has {found}")
        raise DataError(text.format(source=source, found=listed(table.header)))
    for place in places.values():
        _refuse_long_cells(table, place, source)
    return Upload(*read_catalogue(table, places, source, NO_LOCALE))


def _refuse_long_cells(table: FileTable, place: int, source: str) -> None:
    for chunk in table.column(place):
        lengths = pc.utf8_length(chunk).fill_null(0).to_numpy(zero_copy_only=False)
        if len(lengths) and lengths.max() > MAX_CELL and table.lines is not None:
            row = int((lengths > MAX_CELL).argmax())
            text = _("{source}: line {line}, column {column}: a text of {n} characters; use at most {most}")
            line, column = table.lines[row], shown(table.header[place])
            raise DataError(
                text.format(source=source, line=line, column=column, n=number(lengths[row]), most=number(MAX_CELL))
            )


def too_large(source: str, size: int) -> DataError:
    """The error for a file of ``size`` bytes; the file need not have been read."""
    text = _("{source}: {size} bytes; use at most {most}")
    return DataError(text.format(source=source, size=number(size), most=number(MAX_BYTES)))


def can_search(engine: SearchEngine) -> bool:
    """Whether an engine has an encoder, which an uploaded catalogue needs."""
    return bool(_encoders(engine))


def _encoders(engine: SearchEngine) -> list[str]:
    """The reference and the candidate: a visitor waits for each encoder, so there are two at most."""
    named = [name for name, system in engine.systems.items() if isinstance(system, DenseSystem)]
    return list(dict.fromkeys([lineup.reference(named), lineup.candidate(named)])) if named else []


def embed(engine: SearchEngine, products: pa.Table, progress: Progress = lambda done, total: None) -> SearchEngine:
    """An engine over ``products`` with BM25, and with base and tuned or what stands for them in the engine.

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
    parts, encoders = [], _encoders(engine)
    for start in range(0, len(texts), step):
        progress(start, len(texts))
        parts.append(engine.encode(encoders, [], texts[start : start + step]))
    systems: dict[str, System] = {}
    for name in encoders:
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
