"""BM25 on the held-out queries: as train.py chooses it on train queries, and what stemming adds.

python benchmarks/bm25.py --dataset ../shared/esci --locales us

Nothing is trained. The chosen k1, b and stemming are compared with the same k1 and b without stemming, paired by
query. The last line is JSON, also in benchmarks/results/bm25.json.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from machine import describe

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

#: The system that differences are from; the tables of space.evaluation compare with the system of this name.
WITHOUT = "base"


def main() -> None:
    """Choose on train, evaluate on test, print both protocols."""
    from space.data.passages import passages
    from space.evaluation import bm25_tuning, protocols
    from space.index.bm25 import Bm25Index
    from space.pipelines.inputs import open_judged
    from space.retrieval.baselines import Bm25System

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--locales", nargs="+", default=["us", "es", "jp"])
    given = parser.parse_args()
    judged = open_judged(given.dataset, given.locales)
    texts, locales = passages(judged.catalogue), judged.catalogue["product_locale"]
    chosen = bm25_tuning.choose(judged.train, texts, judged.catalogue)
    found = {}
    for name, stem in ((WITHOUT, False), ("bm25", chosen.stem)):
        index = Bm25Index(texts, locales, k1=chosen.k1, b=chosen.b, stem=stem)
        found[name] = protocols.per_query(Bm25System(index), judged.test, judged.catalogue)
    tables = protocols.summarize(found)
    result = {
        "benchmark": "bm25",
        "dataset": Path(given.dataset).name,
        "products": len(judged.catalogue),
        "k1": chosen.k1,
        "b": chosen.b,
        "stem": chosen.stem,
        "protocols": {
            protocol: {
                "chosen": {name: asdict(one) for name, one in table.systems["bm25"].items()},
                "without stems": {name: asdict(one) for name, one in table.systems[WITHOUT].items()},
                "difference": {name: asdict(one) for name, one in table.differences.get("bm25", {}).items()},
            }
            for protocol, table in tables.items()
        },
        "machine": describe(),
    }
    (ROOT / "benchmarks" / "results" / "bm25.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
