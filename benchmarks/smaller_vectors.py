"""How much quality, memory and time smaller vectors cost: first dimensions, int8 and binary codes.

python benchmarks/smaller_vectors.py --dataset ../shared/esci --locales us [--model tuned=FOLDER ...]
    [--dims 256 128 64] [--rows 1215854] [--rounds 9] [--plot docs/images/smaller_vectors.png]

Quality is what `python -m space evaluate --dims … --codes int8 binary` measures on the held-out queries. Time is that
of the best ten of one query, encoding left out, over the products repeated with noise to --rows rows (see
vectors.py), by what evaluates them ("ours") and by FAISS: scalar quantizers, and flat binary codes whose best 40 are
ordered by the whole query where the row says "rescored". Figures are medians over rounds; each round asks another
query. Needs `pip install -r benchmarks/requirements.txt`. The last line is JSON.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
import vectors
from machine import describe
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from peers import by_faiss
from rounds import medians
from topk import as_in_the_app, turns

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from space.encoding.encoder import TextEncoder  # noqa: E402
from space.encoding.weights import PACKAGED_NAME, locate  # noqa: E402
from space.evaluation.smaller import to_markdown  # noqa: E402
from space.evaluation.tables import SmallerVectors  # noqa: E402
from space.index.small_vectors import RESCORED, first_dimensions  # noqa: E402
from space.pipelines.compared import of_models  # noqa: E402
from space.pipelines.comparison import compare  # noqa: E402
from space.retrieval.smaller import VectorSize, index_of  # noqa: E402
from space.settings import EvaluateSettings  # noqa: E402

K, QUERIES = 10, 32
#: "ours" is made for evaluations where the vectors are not whole float16 ones.
MS = "milliseconds, one query, ours or FAISS"
CODES = ("int8", "binary", "centred-binary")
COLOURS = {"float16": "C0", "int8": "C1", "binary": "C3", "binary, rescored": "C5"}
COLOURS |= {"centred-binary": "C4", "centred-binary, rescored": "C2"}


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--locales", nargs="*", default=[])
    parser.add_argument("--model", nargs="+", default=[f"base={PACKAGED_NAME}"], help="NAME=ID; the first is timed")
    parser.add_argument("--dims", type=int, nargs="+", default=[256, 128, 64])
    parser.add_argument("--rows", type=int, default=1_215_854, help="as many as the us locale has")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--plot", type=Path, help="file for a picture")
    given = parser.parse_args()
    settings = EvaluateSettings(
        dataset=given.dataset, locales=given.locales, model=given.model, dims=given.dims, codes=list(CODES)
    )
    models = {name: locate(model) for name, model in settings.models().items()}
    compared = of_models(settings, models)
    found = compare(compared, settings)
    print(to_markdown(found.smaller), flush=True)
    name, load = next(iter(compared.encoders.items()))
    embedded = load()
    took = times(embedded.encoder, embedded.vectors, sorted(set(compared.judged.test["query"])), found.smaller, given)
    print(table([one for one in found.smaller if one.encoder == name], took))
    if given.plot:
        plot(found.smaller, took, given.plot)
    result: dict[str, Any] = {"benchmark": "smaller_vectors", "dataset": given.dataset, "locales": given.locales}
    result |= {"k": K, "rows": given.rows, "rounds": given.rounds, "threads": torch.get_num_threads(), "ms": took}
    result["sizes"] = [
        {"encoder": one.encoder, "size": label(one), "dim": one.dim, "bytes": one.bytes}
        | {f"{protocol}/{metric}": vars(value) for protocol, of in one.figures.items() for metric, value in of.items()}
        | {
            f"{protocol}/{metric} minus whole": vars(value)
            for protocol, of in one.differences.items()
            for metric, value in of.items()
        }
        for one in found.smaller
    ]
    print(json.dumps(result | {"machine": describe()}))


def label(one: SmallerVectors | VectorSize) -> str:
    """What a number is kept in, and whether the best are rescored."""
    return one.code + (", rescored" if one.rescored else "")


def times(
    encoder: TextEncoder,
    few: torch.Tensor,
    queries: Sequence[str],
    sizes: Sequence[SmallerVectors],
    given: argparse.Namespace,
) -> dict[str, dict[str, float]]:
    """{"dim code": {"ours" and "FAISS": milliseconds of one query}} over (n, d) float16 vectors, repeated."""
    asked = encoder.encode_queries([queries[place % len(queries)] for place in range(QUERIES)])
    rows = np.empty((given.rows, few.shape[1]), np.float16)
    done = 0
    for part in vectors.repeated(few.float().numpy(), given.rows):
        rows[done : done + len(part)] = part
        done += len(part)
    whole, found = torch.from_numpy(rows), {}
    for size in dict.fromkeys(VectorSize(one.dim, one.code, one.rescored) for one in sizes):
        short = whole if size.dim == few.shape[1] else first_dimensions(whole, size.dim)
        batch = first_dimensions(asked, size.dim).numpy()
        index = as_in_the_app(short.numpy()) if size.code == "float16" else index_of(short, size)

        def ours(part: np.ndarray, index: Any = index) -> np.ndarray:
            return index.search(torch.from_numpy(part), K)[1].numpy()

        runs = {"ours": ours, "FAISS": peer(short.numpy(), size)}
        took = medians({one: turns(search, batch, 1) for one, search in runs.items()}, given.rounds)
        found[f"{size.dim} {label(size)}"] = {one: round(ms, 2) for one, ms in took.items()}
        print(size, found[f"{size.dim} {label(size)}"], flush=True)
        del index, ours, runs, short
    return found


def peer(rows: np.ndarray, size: VectorSize) -> Callable[[np.ndarray], np.ndarray]:
    """The same vectors in FAISS."""
    if size.code in ("float16", "int8"):
        return by_faiss(rows, {"float16": "FAISS SQ fp16", "int8": "FAISS SQ 8 bit"}[size.code], K)
    faiss.omp_set_num_threads(torch.get_num_threads())
    bits = np.concatenate([np.packbits(part > 0, axis=1) for part in np.array_split(rows, len(rows) // 65_536 + 1)])
    store = faiss.IndexBinaryFlat(8 * bits.shape[1])
    store.add(bits)

    def search(asked: np.ndarray) -> np.ndarray:
        found = store.search(np.packbits(asked > 0, axis=1), K * RESCORED if size.rescored else K)[1]
        if not size.rescored:
            return found
        signs = 2.0 * np.unpackbits(bits[found], axis=2, count=rows.shape[1]) - 1.0
        order = np.argsort(-np.einsum("qd,qkd->qk", asked, signs), axis=1, kind="stable")[:, :K]
        return np.take_along_axis(found, order, axis=1)

    return search


def table(sizes: Sequence[SmallerVectors], took: dict[str, dict[str, float]]) -> str:
    """Quality, bytes and milliseconds of one encoder as Markdown."""
    lines = [
        "| dimensions | kept as | bytes a product | GB for 100 million | nDCG@10, full catalogue | change | "
        "ms, ours | ms, FAISS |",
        "|" + " --- |" * 8,
    ]
    for one in sizes:
        mean, change = one.figures["full_catalogue"]["ndcg@10"].mean, one.differences.get("full_catalogue")
        said = "" if not change else "{0.mean:+.3f} [{0.low:+.3f}, {0.high:+.3f}]".format(change["ndcg@10"])
        ms = took[f"{one.dim} {label(one)}"]
        lines.append(
            f"| {one.dim} | {label(one)} | {one.bytes} | {one.bytes / 10:.1f} | {mean:.3f} | {said} | "
            f"{ms['ours']:.1f} | {ms['FAISS']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def plot(sizes: Sequence[SmallerVectors], took: dict[str, dict[str, float]], path: Path) -> None:
    """Full-catalogue nDCG@10 over bytes for each encoder, and over the fewest milliseconds for the one timed."""
    encoders = list(dict.fromkeys(one.encoder for one in sizes))
    figure = Figure(figsize=(4.5 * (len(encoders) + 1), 4.2), layout="constrained")
    panels = figure.subplots(1, len(encoders) + 1, sharey=True)
    for axes, encoder in zip(panels, [*encoders, encoders[0]], strict=True):
        by_time = axes is panels[-1]
        for code, colour in COLOURS.items():
            chosen = [one for one in sizes if one.encoder == encoder and label(one) == code]
            at = [min(took[f"{one.dim} {code}"].values()) if by_time else one.bytes for one in chosen]
            quality = [one.figures["full_catalogue"]["ndcg@10"].mean for one in chosen]
            axes.plot(at, quality, label=code, color=colour, marker="o")
            for one, x, y in zip(chosen, at, quality, strict=True):
                axes.annotate(str(one.dim), (x, y), textcoords="offset points", xytext=(4, 4), fontsize=7)
        axes.set(xscale="log", xlabel=MS if by_time else "bytes a product", title=encoder)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if by_time else LogLocator(base=2))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(True, which="major", alpha=0.3)
    panels[0].set_ylabel("nDCG@10, full catalogue")
    panels[0].legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
