"""The Data tab: counted once for all visitors, when the first one opens it."""

import threading
from types import SimpleNamespace

import small_shop

from space.data.profile import describe
from space.evaluation.schema import Evaluation
from space.search.engine import SearchEngine
from space.ui.tabs import data


def shown_by(engine):
    """The handler that fills the tab, called as Gradio calls it."""
    from space.ui.page import build_demo

    demo = build_demo(engine)
    fns = [fn.fn for fn in demo.fns.values() if any(event == "appear" for _, event in fn.targets)]
    _evaluation, data_tab, _statistics = fns
    return lambda language="en": data_tab(SimpleNamespace(headers={"accept-language": language}))


def test_it_shows_the_data_of_the_engine():
    number = {"mean": 0.6, "low": 0.5, "high": 0.7, "n": 6}
    evaluation = {"verdict": "Helped.", "protocols": {"full_catalogue": {"systems": {"bm25": {"ndcg@10": number}}}}}
    page = shown_by(small_shop.engine(Evaluation.from_json(evaluation)))()
    for said in (
        "Labels, test",
        "In the full catalogue",
        "<b>.600</b>",
        "Dulcet",
        "python -m space eda",
        "red running shoes",
    ):
        assert said in page


def test_an_engine_without_judgments_or_evaluation_has_a_tab_too():
    systems = small_shop.engine().systems
    page = shown_by(SearchEngine(small_shop.catalogue(), systems))()
    assert "Missing fields" in page and "Labels" not in page and "baseline" not in page


def test_it_is_counted_once_however_many_look(monkeypatch):
    """A large catalogue takes seconds: twenty visitors must not count it twenty times, in whatever language."""
    made = []
    begun = threading.Event()

    def slowly(*arguments, **more):
        made.append(1)
        begun.wait(0.2)
        return describe(*arguments, **more)

    monkeypatch.setattr(data, "describe", slowly)
    show = shown_by(small_shop.engine())
    assert made == []
    threads = [threading.Thread(target=show, args=(["en", "ru"][number % 2],)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
