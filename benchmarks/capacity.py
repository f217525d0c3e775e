"""What a catalogue of any size takes to search, worked out and not measured: the table of CAPACITY.md.

python benchmarks/capacity.py

Memory: bytes a product of every vector that a search reads, times products, over what a machine may fill. Time: the
bytes that a query reads, over the memory bandwidth of all machines: nothing that looks at all vectors can be faster,
and what the exact index measured is close to it (benchmarks/topk.py). Needs nothing installed.
"""

import math
from dataclasses import dataclass

#: Numbers in a vector, and vectors a product: base and tuned.
DIM, ENCODERS = 384, 2
#: A machine of the memory-optimized class: bytes of memory, the share that vectors may fill, bytes a second that all
#: its cores together read, and dollars an hour. Assumed, all four; put your own provider's here.
MEMORY, FILL, BANDWIDTH, PRICE = 256e9, 0.7, 100e9, 2.0
#: Share of the time in which a machine works; at more, queries wait for each other.
BUSY = 0.5
#: Hours of a month.
MONTH = 730
SIZES = (1_215_854, 10_000_000, 100_000_000, 1_000_000_000)


@dataclass(frozen=True)
class Way:
    """A way to keep vectors.

    Attributes:
        bytes: in memory, for each number of a vector.
        extra: in memory, for each vector.
        reads: for each number of a vector that is looked at.
        share: of the vectors that a query looks at.
        machines: how many it can be divided over at most.
    """

    bytes: float
    extra: float
    reads: float
    share: float
    machines: float = math.inf

    def memory(self, products: int) -> float:
        """Bytes of both encoders' vectors."""
        return products * ENCODERS * (DIM * self.bytes + self.extra)

    def count(self, products: int) -> int:
        """Machines that hold them."""
        return math.ceil(self.memory(products) / (MEMORY * FILL))

    def seconds(self, products: int) -> float:
        """Of one machine, for one query to one encoder; divided by the machines, what the query takes at least."""
        return products * DIM * self.reads * self.share / BANDWIDTH

    def dollars(self, products: int) -> float:
        """For a million queries to one encoder."""
        return 1e6 * self.seconds(products) / BUSY * PRICE / 3600


WAYS = {
    # float16 rows, int8 codes with a float32 step each; a query reads the codes (space/index/torch_index.py).
    "torch, float16": Way(3, 4, 1, 1, machines=1),
    # The codes alone, the rows in a mapped file.
    "torch, int8": Way(1, 4, 1, 1, machines=1),
    # As space/store/milvus_collections.py writes them: float32, the only type that Milvus Lite has.
    "Milvus FLAT": Way(4, 0, 4, 1),
    # Codes of one byte in 1,024 cells a segment, of which 64 are looked at (space/index/milvus.py).
    "Milvus IVF_SQ8": Way(1, 0, 1, 64 / 1024),
}


def table() -> str:
    """Markdown."""
    lines = [
        "| products | kept in | GB | machines | $ a month | ms a query, at least | $ a million queries |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for products in SIZES:
        for name, way in WAYS.items():
            machines = way.count(products)
            cells = [f"{products:,}", name, f"{way.memory(products) / 1e9:,.1f}"]
            if machines > way.machines:
                cells += ["no single one", "", "", ""]
            else:
                least = 1e3 * way.seconds(products) / machines
                cells += [str(machines), f"{machines * PRICE * MONTH:,.0f}", f"{least:,.1f}"]
                cells.append(f"{way.dollars(products):,.2f}")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
