"""Memory, machines, time and cost of searching catalogues of up to a billion products: calculated, not measured.

python benchmarks/capacity.py

Machines = bytes of all vectors / bytes that a machine may fill. Time of a query = bytes it reads / memory bandwidth of
all machines. This is a lower bound, and the exact index comes close to it (benchmarks/topk.py). Prints the table of
CAPACITY.md.
"""

import math
from dataclasses import dataclass

#: Numbers in a vector; vectors of a product (base and tuned).
DIM, ENCODERS = 384, 2
#: Assumed of a memory-optimized machine: bytes of memory, the share that vectors may fill, bytes per second that all
#: its cores read together, dollars per hour. Put in the values of your provider.
MEMORY, FILL, BANDWIDTH, PRICE = 256e9, 0.7, 100e9, 2.0
#: Assumed share of time in which a machine works; with more load, queries wait for each other.
BUSY = 0.5
#: Hours in a month.
MONTH = 730
SIZES = (1_215_854, 10_000_000, 100_000_000, 1_000_000_000)


@dataclass(frozen=True)
class Way:
    """A way to store vectors.

    Attributes:
        bytes: memory for each number of a vector.
        extra: memory for each vector beyond that, in bytes.
        reads: bytes read for each number of a vector that is compared.
        share: share of the vectors that a query is compared with.
        machines: how many machines it can use at most.
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
        """How many machines that memory needs."""
        return math.ceil(self.memory(products) / (MEMORY * FILL))

    def seconds(self, products: int) -> float:
        """Time that one machine would take for a query to one encoder; n machines share it."""
        return products * DIM * self.reads * self.share / BANDWIDTH

    def dollars(self, products: int) -> float:
        """Cost of a million queries to one encoder."""
        return 1e6 * self.seconds(products) / BUSY * PRICE / 3600


WAYS = {
    # float16 rows, and int8 codes with two numbers of four bytes each; a query reads the codes (space/index/codes.py).
    "torch, float16": Way(3, 8, 1, 1, machines=1),
    # Only the codes; the rows stay in a mapped file.
    "torch, int8": Way(1, 8, 1, 1, machines=1),
    # As space/store/milvus_collections.py writes them: float32, the only type that Milvus Lite has.
    "Milvus FLAT": Way(4, 0, 4, 1),
    # One byte for each number, in 1,024 cells, of which a query reads 64 (space/index/milvus.py).
    "Milvus IVF_SQ8": Way(1, 0, 1, 64 / 1024),
}


def table() -> str:
    """The table in Markdown."""
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
