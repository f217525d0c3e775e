"""What the page says about an engine: its data, its store, its device and its encoders."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from space.data.checksums import Checksums
from space.encoding.description import EncoderDescription, RerankerDescription


@dataclass(frozen=True)
class EngineDescription:
    """Where the answers of an engine come from; a field that is empty is not shown.

    Attributes:
        dataset: Hub id or name of the data.
        store: the store on the Hub, as ID@COMMIT; "" for a folder, whose path is not for visitors.
        store_note: why the store may not be the newest, or "".
        device: torch's name of the device, such as "cpu" or "cuda:0".
        encoders: {system: its encoder}, in the order of the store.
        text: the passage text in words, see ``space.data.passages.template``.
        checksums: of the products and judgments.
        reranker: of the system "reranked"; None without.
    """

    dataset: str = ""
    store: str = ""
    store_note: str = ""
    device: str = ""
    encoders: Mapping[str, EncoderDescription] = field(default_factory=dict)
    text: str = ""
    checksums: Checksums | None = None
    reranker: RerankerDescription | None = None
