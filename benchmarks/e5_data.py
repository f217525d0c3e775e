"""What a run of the E5 study reads: weights, token ids, training examples and judgments as arrays in one file.

Made where the project runs, so that the machine with the GPU needs neither the project's libraries nor its data. The
examples are those that train.py would make. Word embeddings are cut down to the pieces that occur.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from space.data.judgments import Judged
from space.data.passages import passages
from space.data.scale import ESCI
from space.encoding import packaged_e5, packed_file
from space.encoding.encoder import DEFAULT_MAX_SEQ_LENGTH
from space.encoding.weights import E5_PROMPTS
from space.evaluation import bm25_tuning, forgetting
from space.index.bm25 import Bm25Index
from space.pipelines import examples as pipeline
from space.pipelines.inputs import open_judged
from space.settings import TrainSettings

#: Dev folds; FULL learns from all train queries and is evaluated on the test queries.
FOLDS, FULL = 5, 5
SEEDS = {fold: (0, 1, 2) for fold in range(FOLDS + 1)}
#: A query of so many judgments says something about a ranking; of the others THIN are dev queries too.
RICH, THIN = 10, 600
NEGATIVES = (1, 2, 4)
TITLES = 9000
LOCALES = ("us", "es", "jp")


def prepare(dataset: str, output: Path) -> None:
    """Write the file that ``e5_study.py run`` reads."""
    whole = us_first(open_judged(dataset, list(LOCALES), offline=True))
    texts = passages(whole.catalogue)
    products = list(dict.fromkeys(texts))
    place = {text: number for number, text in enumerate(products)}
    arrays: dict[str, np.ndarray] = {
        "row_text": np.array([place[text] for text in texts], np.int32),
        "row_locale": np.array(
            [LOCALES.index(name) for name in whole.catalogue["product_locale"].to_pylist()], np.int8
        ),
    }
    anchors: dict[str, int] = {
        sentence: number for number, sentence in enumerate(dict.fromkeys(forgetting.sentences()))
    }
    arrays["everyday"] = np.array([anchors[sentence] for sentence in forgetting.sentences()], np.int32)
    exact: dict[str, set[str]] = {}
    fold_of = deal(whole.train)
    for fold in range(FOLDS + 1):
        learned = whole.train[whole.train["query"].map(lambda query, fold=fold: fold_of.get(query) != fold)]
        for seed in SEEDS[fold]:
            for name, examples in _examples(whole, learned, texts, seed, exact):
                arrays[f"examples/{fold}/{seed}/{name}"] = np.array(
                    [
                        [anchors.setdefault(anchor, len(anchors)), place[positive], place[negative]]
                        for anchor, positive, negative in examples
                    ],
                    np.int32,
                )
    judgments = pd.concat([whole.train.assign(split=0), whole.test.assign(split=FULL + 1)])
    judgments = judgments[(judgments["split"] > 0) | judgments["query"].isin(fold_of)]
    arrays |= _judged(judgments, fold_of, anchors)
    arrays |= _bm25(whole, texts, arrays)
    known = whole.train.groupby("query")["row"].apply(list)
    listed = [[place[texts[row]] for row in known.get(anchor, ())] for anchor in anchors]
    arrays |= ragged("known", listed)
    arrays |= ragged("exact", [[place[text] for text in sorted(exact.get(anchor, ()))] for anchor in anchors])
    arrays |= _tokens(products, list(anchors))
    output.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(output, **arrays)


def us_first(judged: Judged) -> Judged:
    """The same judgments over a catalogue whose us products come first, each locale in its own order."""
    locales = [LOCALES.index(name) for name in judged.catalogue["product_locale"].to_pylist()]
    order = np.argsort(locales, kind="stable")
    row_of = np.argsort(order)
    train, test = (table.assign(row=row_of[table["row"]]) for table in (judged.train, judged.test))
    return Judged(judged.name, judged.catalogue.take(order), train, test, judged.notice)


def deal(train: pd.DataFrame) -> dict[str, int]:
    """{query: its fold} of the dev queries: all rich us queries, some thin ones, and all of es and jp."""
    us = train[train["product_locale"] == "us"]
    counts = us.groupby("query", sort=True).size()
    rng = np.random.default_rng(0)
    rich = rng.permutation(counts.index[counts >= RICH].to_numpy())
    thin = rng.permutation(counts.index[counts < RICH].to_numpy())[:THIN]
    others = rng.permutation(np.setdiff1d(train.loc[train["product_locale"] != "us", "query"].unique(), counts.index))
    return {query: number % FOLDS for part in (rich, thin, others) for number, query in enumerate(part.tolist())}


def ragged(name: str, lists: Iterable[Sequence[int]]) -> dict[str, np.ndarray]:
    """Lists of different lengths as two arrays: the values, and where each list begins."""
    lists = list(lists)
    ends = np.cumsum([0, *map(len, lists)])
    return {name: np.array([value for one in lists for value in one], np.int32), f"{name}/offsets": ends}


def _examples(
    whole: Judged, learned: pd.DataFrame, texts: Sequence[str], seed: int, exact: dict[str, set[str]]
) -> Iterable[tuple[str, list[tuple[str, str, str]]]]:
    """(name, examples): "j1" to "j4" from the labels, "t" from titles; in capitals, of all three locales."""
    us = learned[learned["product_locale"] == "us"]
    catalogue = whole.catalogue.slice(0, whole.catalogue["product_locale"].to_pylist().count("us"))
    for judged, table, name, count in (
        *((us, catalogue, f"j{negatives}", negatives) for negatives in NEGATIVES),
        (us, catalogue, "t", 0),
        (learned, whole.catalogue, "J1", 1),
        (learned, whole.catalogue, "T", 0),
    ):
        part = Judged(whole.name, table, judged.reset_index(drop=True), whole.test, "")
        settings = TrainSettings(
            seed=seed,
            negatives=count or 1,
            title_queries=0 if count else TITLES,
        )
        found, known = pipeline.make(part, texts[: len(table)], settings)
        frame = found.to_pandas()[["anchor", "positive", "negative"]]
        if not count:
            frame = frame.iloc[len(frame) - TITLES :]
        for anchor in frame["anchor"].unique():
            exact.setdefault(anchor, set()).update(known.get(anchor, ()))
        yield name, list(frame.itertuples(index=False, name=None))


def _judged(judgments: pd.DataFrame, fold_of: dict[str, int], anchors: dict[str, int]) -> dict[str, np.ndarray]:
    """Queries to evaluate on: anchor, locale, fold (FULL + 1 is test), whether rich; their rows and labels."""
    queries, rows, labels = [], [], []
    for (locale, query), judged in judgments.groupby(["product_locale", "query"], sort=True):
        if not (judged["esci_label"] == "Exact").any():
            continue
        fold = FULL + 1 if judged["split"].iloc[0] else fold_of[query]
        queries.append(
            [
                anchors.setdefault(query, len(anchors)),
                LOCALES.index(locale),
                fold,
                locale == "us" and len(judged) >= RICH,
            ]
        )
        rows.append(judged["row"].tolist())
        labels.append([ESCI.names.index(str(label)) for label in judged["esci_label"]])
    names = [name for name in anchors]
    arrays = ragged("judged", rows) | {"queries": np.array(queries, np.int32), "labels": ragged("", labels)[""]}
    return arrays | {"query_names": np.array([names[query[0]] for query in queries])}


def _bm25(whole: Judged, texts: Sequence[str], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The 100 best us products of each us query by BM25, k1 and b chosen on train, and each judged product's score."""
    us = np.flatnonzero(arrays["row_locale"] == 0)
    texts = [texts[row] for row in us]
    train = whole.train[whole.train["product_locale"] == "us"].reset_index(drop=True)
    choice = bm25_tuning.choose(train, texts, whole.catalogue.take(us), 0)
    index = Bm25Index(texts, ["us"] * len(texts), k1=choice.k1, b=choice.b, stem=choice.stem)
    best = np.full((len(arrays["queries"]), 100), -1, np.int32)
    scores = []
    for number, (name, query) in enumerate(zip(arrays["query_names"].tolist(), arrays["queries"], strict=True)):
        rows = arrays["judged"][arrays["judged/offsets"][number] : arrays["judged/offsets"][number + 1]]
        if query[1] == 0:
            found = index.search(name, 100)[1]
            best[number, : len(found)] = found
            scores.append(index.scores(name)[rows])
        else:
            scores.append(np.zeros(len(rows), np.float32))
    return {"bm25": best, "bm25_judged": np.concatenate(scores).astype(np.float32)}


def _tokens(products: list[str], anchors: list[str]) -> dict[str, np.ndarray]:
    """Token ids of all texts in a vocabulary cut to those that occur, and the weights with that vocabulary."""
    tokenizer = Tokenizer.from_file(str(packaged_e5.unpack() / "tokenizer.json"))
    tokenizer.enable_truncation(DEFAULT_MAX_SEQ_LENGTH)
    found = {}
    for name, prompt, texts in (("products", "document", products), ("anchors", "query", anchors)):
        found[name] = [one.ids for one in tokenizer.encode_batch([E5_PROMPTS[prompt] + text for text in texts])]
    kept = np.unique(np.concatenate([ids for lists in found.values() for ids in lists]))
    arrays: dict[str, Any] = {"kept": kept.astype(np.int32)}
    for name, lists in found.items():
        part = ragged(name, lists)
        arrays |= part | {name: np.searchsorted(kept, part[name]).astype(np.uint16)}
    packed = packed_file.parse(packed_file.read_checked(packed_file.find()))
    hidden, _, _, wide, *_ = packed.shape
    for name, (kind, _, data) in packed.tensors.items():
        weights = packed.tensor(name)
        if not kind:
            shape = (-1, hidden) if name in ("emb.pos", "emb.type") else (-1,)
            arrays[f"weights/{name}"] = weights.reshape(shape)
            continue
        blocks = np.frombuffer(data, packed_file.Q4_BLOCK)["scale"].astype(np.float32)[:, None]
        whole = np.rint(np.divide(weights.reshape(-1, 32), blocks, where=blocks != 0, out=np.zeros((len(blocks), 32))))
        columns = wide if name.endswith(".fo.w") else hidden
        whole, blocks = whole.astype(np.int8).reshape(-1, columns), blocks.reshape(-1, columns // 32)
        if name == "emb.word":
            whole, blocks = whole[kept], blocks[kept]
        arrays[f"whole/{name}"], arrays[f"scale/{name}"] = whole, blocks.astype(np.float16)
    return arrays


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    prepare(given.dataset, given.output)
