"""A shop without locales never sees the word, nor the name that stands for none in the files."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import small_evaluation
import small_shop
from browsing import DESK, PHONE, needs_chromium

from space.data.catalogue import NO_LOCALE
from space.data.judgments import check
from space.data.profile import describe
from space.errors import QueryError
from space.evaluation import protocols
from space.evaluation.schema import Evaluation
from space.hub.cards import model_card
from space.i18n import language
from space.pipelines.inputs import open_judged
from space.search.engine import SearchEngine
from space.search.uploaded_catalogue import embed
from space.ui.events import export
from space.ui.html import comparison
from space.ui.html.cards import results
from space.ui.html.profile_report import report
from space.ui.tabs.evaluation import page as evaluation_report


@pytest.fixture(scope="module")
def engine() -> SearchEngine:
    """The American part of the small shop, without its locale, measured on its own judgments."""
    whole = small_shop.catalogue()
    products = whole.filter(pa.compute.equal(whole["product_locale"], "us"))
    place = products.schema.get_field_index("product_locale")
    products = products.set_column(place, "product_locale", pa.array([NO_LOCALE] * len(products)))
    judged = small_shop.judgments()
    judged = judged[judged["product_locale"] == "us"].assign(product_locale=NO_LOCALE)
    judged = judged[judged["product_id"].isin(products["product_id"].to_pylist())].assign(query_id=1)
    found = check("own", judged, judged, products, [])
    products, judged = found.catalogue, found.test
    plain = embed(small_shop.engine(), products)
    figures = {name: protocols.per_query(system, judged, products) for name, system in plain.systems.items()}
    content = small_evaluation.content()
    measured = replace(
        content,
        dataset=replace(content.dataset, locales=[NO_LOCALE]),
        settings={"dataset": "shop.csv", "locales": [], "learning_rate": 2e-5},
        protocols=protocols.summarize(figures),
        per_query=protocols.by_query(figures, protocols.label_counts(judged)),
    )
    measured = Evaluation.from_json(measured.to_json())
    return SearchEngine(products, plain.systems, judgments=judged, evaluation=measured)


def read(page: str) -> str:
    """What a reader sees of a page, its tooltips included."""
    hints = " ".join(re.findall(r'(?:title|aria-label|alt|placeholder)="([^"]*)"', page))
    return html.unescape(re.sub(r"<[^>]*>", " ", page) + " " + hints)


@pytest.mark.parametrize("code", ["en", "ru"])
def test_no_part_of_the_page_says_locale(engine: SearchEngine, code: str) -> None:
    """Search, Compare, Evaluation, Data and the model's card."""
    with language(code):
        query = "red sneakers"
        pages = {
            "search": results(engine.search(query, 10, "tuned")),
            "more like": results(engine.more_like(NO_LOCALE, "p01", 5, "bm25")),
            "compare": comparison.comparison(engine.compare(query, 10)),
            "evaluation": evaluation_report(engine.evaluation, engine.description),
            "data": report(describe(engine.catalogue, {"test": engine.judgments}, engine.scale)),
        }
    pages["card"] = model_card(engine.evaluation, None) if engine.evaluation else ""
    for name, shown in pages.items():
        assert len(shown) > 400, name
        assert not re.findall(rf".{{0,40}}(?i:locale|локал).{{0,20}}|.{{0,20}}\b{NO_LOCALE} ·", read(shown)), name


def test_exports_and_endpoints_have_no_locale(engine: SearchEngine) -> None:
    """The csv has no such column; in JSON the name stays, since it is a contract, and is null."""
    found = engine.compare(engine.examples[0], 5)
    assert "locale" not in export.csv_of(found) and f",{NO_LOCALE}," not in export.csv_of(found)
    header, *rows = [line.split(",") for line in export.csv_of(found).splitlines()]
    assert header[:4] == ["query", "system", "rank", "product_id"] and rows
    answers = [found.to_json(), engine.more_like("", "p01", 3).to_json(),
               engine.explain("mug", "", "p01", "bm25").to_json()]  # fmt: skip
    for answer in answers:
        values = re.findall(r'"product_locale": ([^,}]+)', json.dumps(answer))
        assert values and set(values) == {"null"}


def test_a_product_without_a_locale_is_found_under_any(engine: SearchEngine) -> None:
    """/explain has us as its default; a product that is not there is named without the word."""
    for given in ("", None, "us", NO_LOCALE):
        assert engine.explain("mug", given, "p01", "bm25").product_id == "p01"  # type: ignore[arg-type]
    with pytest.raises(QueryError, match=r"^no product 'p99'$"):
        engine.explain("mug", "", "p99", "bm25")


@pytest.mark.parametrize("locale", ["de", "ru", "tr", "ja", "pt-BR"])
def test_any_locale_is_read_without_a_flag(locale: str, tmp_path: Path) -> None:
    """--locales keeps some; without it all stay."""
    rows = [(f"query {number % 6}", f"{number}", number % 2, f"title {number}", locale) for number in range(12)]
    table = pd.DataFrame(rows, columns=["query", "product_id", "label", "title", "product_locale"])
    table.to_csv(tmp_path / "j.csv", index=False)
    found = open_judged(str(tmp_path / "j.csv"), [], test_share=0.4)
    assert set(found.train["product_locale"]) == {locale} and len(found.catalogue) == 12
    table.loc[:5, "product_locale"] = "us"
    table.to_csv(tmp_path / "j.csv", index=False)
    assert len(open_judged(str(tmp_path / "j.csv"), ["us"], test_share=0.4).catalogue) == 6


#: {tab: what shows that it is drawn}.
TABS = {"search": ".summary q", "compare": ".moves", "evaluation": ".evaluation h2", "data": ".data h2"}


@needs_chromium
@pytest.mark.parametrize(("code", "size"), [("en-US", DESK), ("ru-RU", PHONE)])
def test_a_visitor_of_such_a_shop_never_reads_it(engine: SearchEngine, browser, code: str, size) -> None:
    """Each tab with figures or products, the details of one and the reasons for its place."""
    with small_shop.serve(engine) as url:
        page = browser.new_page(viewport=size, locale=code)
        seen = []
        for tab, drawn in TABS.items():
            page.goto(f"{url}?q=red+sneakers&tab={tab}")
            page.locator(drawn).filter(visible=True).first.wait_for()
            if tab == "search":
                page.locator(".card summary").first.click()
                page.locator(".ask-why").first.click()
                page.locator("dialog .lead").first.wait_for()
            seen.append(page.locator("body").inner_text())
        page.close()
    assert all(len(text) > 200 for text in seen) and "p01" in seen[0]
    assert not re.findall(rf".{{0,40}}(?i:locale|локал).{{0,20}}|.{{0,20}}\b{NO_LOCALE} ·", "\n".join(seen))
