"""Checksums of a catalogue and its held-out judgments: they tie an evaluation to the data it was measured on.

By locale, since a query is measured on the products of its locale: a model that was trained and measured on ``us`` is
measured on a store of ``us`` and ``es`` too. The order of rows does not count. Bullet points, prices and the like are
left out: the same catalogue may be read with or without them.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from space.data.catalogue import KEY, TEXT_COLUMNS
from space.io import json_values

_JUDGED = ("product_locale", "query", "product_id", "esci_label")
#: Between two columns of a row.
_SEPARATOR = pa.scalar("\x1f", pa.large_string())


@dataclass(frozen=True)
class Checksums:
    """What identifies the data of a store or of an evaluation.

    Attributes:
        products: {locale: sha256 of ids, titles, brands and colours}.
        judgments: {locale: sha256 of the held-out judgments}; empty without judgments.
    """

    products: dict[str, str] = field(default_factory=dict)
    judgments: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: object, name: str) -> "Checksums | None":
        """Read a JSON object; None stays None.

        Args:
            value: what ``json.loads`` gave.
            name: what to call it in messages.

        Raises:
            JsonValueError: a value of another type.
        """
        if value is None:
            return None
        entry = json_values.mapping(value, name)
        parts = {
            part: json_values.mapping(entry.get(part, {}), f"{name}.{part}") for part in ("products", "judgments")
        }
        return cls(
            **{
                part: {locale: json_values.text(one, f"{name}.{part}.{locale}") for locale, one in found.items()}
                for part, found in parts.items()
            }
        )


def checksums(catalogue: pa.Table, judgments: pd.DataFrame | None) -> Checksums:
    """The checksums of a catalogue, and of its held-out judgments if there are any."""
    if judgments is None:
        return Checksums(_by_locale(catalogue, (*KEY, *TEXT_COLUMNS)))
    judged = pa.table({name: pa.array(judgments[name].astype(str), pa.string()) for name in _JUDGED})
    return Checksums(_by_locale(catalogue, (*KEY, *TEXT_COLUMNS)), _by_locale(judged, _JUDGED))


def _by_locale(table: pa.Table, names: tuple[str, ...]) -> dict[str, str]:
    """{locale: sha256 of its rows in sorted order}; null and "" are the same, and so is a missing column."""
    if not len(table):
        return {}
    present = [name for name in names if name in table.column_names]
    columns = {name: pc.fill_null(pc.cast(table[name], pa.large_string()), "") for name in present}
    nothing = pa.chunked_array([pa.array([""] * len(table), pa.large_string())])
    rows = pc.binary_join_element_wise(*(columns.get(name, nothing) for name in names), _SEPARATOR)
    if len(rows) != len(table):
        raise ValueError(f"{len(rows)} texts of {len(table)} rows")
    locales = columns["product_locale"]
    return {
        locale: _sha256(rows.filter(pc.equal(locales, locale))) for locale in sorted(pc.unique(locales).to_pylist())
    }


def _sha256(texts: pa.ChunkedArray) -> str:
    """sha256 of the sorted texts, their lengths first."""
    ordered = pa.concat_arrays(texts.take(pc.sort_indices(texts)).chunks)
    offsets = np.frombuffer(ordered.buffers()[1], np.int64)[ordered.offset : ordered.offset + len(ordered) + 1]
    digest = hashlib.sha256(np.diff(offsets).astype("<i8").tobytes())
    digest.update(memoryview(ordered.buffers()[2])[offsets[0] : offsets[-1]])
    return digest.hexdigest()
