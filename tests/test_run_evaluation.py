"""The evaluation of a training run measures what the app serves."""

from space.data.passages import passages
from space.evaluation import bm25_tuning
from space.evaluation.schema import Bm25Parameters
from space.pipelines.evaluation import RunEvaluation
from space.pipelines.inputs import open_judged
from space.settings import TrainSettings


def test_bm25_is_measured_without_bullet_points(monkeypatch):
    """The app's BM25 never reads them; with them the run measured another baseline than the page searches with."""
    read = []
    monkeypatch.setattr(bm25_tuning, "choose", lambda train, texts, *_: read.append(texts) or Bm25Parameters())
    judged = open_judged("sample", ["us"], bullets=True)
    run = RunEvaluation(judged, passages(judged.catalogue, 100), TrainSettings(bullets=100))
    plain = passages(judged.catalogue)
    assert read == [plain] and run.texts != plain
    points = judged.catalogue["product_bullet_point"].to_pylist()
    row, word = next(
        (row, word)
        for row, point in enumerate(points)
        for word in point[:60].lower().split()
        if word.isalpha() and word not in plain[row].lower()
    )
    assert all(term.score == 0 for term in run.bm25.index.terms(word, row))
