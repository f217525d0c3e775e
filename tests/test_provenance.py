"""An evaluation counts only for the data it was measured on, and the page says so where they differ."""

import json
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import small_evaluation
import small_shop

import build_embeddings
from space.data.checksums import Checksums, checksums
from space.evaluation import provenance
from space.evaluation.schema import Evaluation
from space.i18n import language
from space.index.bm25 import K1, B
from space.search.description import EngineDescription
from space.search.engine import SearchEngine
from space.search.loading import load_engine
from space.store import manifest
from space.store.reader import Store
from space.ui.html.doubts import doubts
from space.ui.html.header import header
from space.ui.tabs.evaluation import elsewhere

SHOP = checksums(small_shop.catalogue(), small_shop.judgments())
OTHER_US = {"us": "0" * 64}
NOTHING_KNOWN = "not on this catalogue: nothing is known here yet"


def text(markup):
    return "".join(ElementTree.fromstring(markup).itertext())


def measured_on(sums, name="tiny", products=30):
    """The small evaluation, measured on data with these checksums."""
    found = small_evaluation.content()
    return replace(found, dataset=replace(found.dataset, name=name, products=products, checksums=sums))


# -- checksums -------------------------------------------------------------------------------------------------------


def test_the_order_of_rows_and_other_columns_do_not_count():
    products, judged = small_shop.catalogue(), small_shop.judgments()
    backwards = products.take(pa.array(range(len(products) - 1, -1, -1)))
    assert checksums(backwards, judged[::-1]) == SHOP
    assert checksums(products.drop_columns(["price", "image_url"]), judged) == SHOP
    assert checksums(products, None) == Checksums(SHOP.products, {})
    assert checksums(pa.concat_tables([products.slice(0, 7), products.slice(7)]), judged) == SHOP


def test_locales_are_told_apart():
    """A model that was measured on one locale is measured on a store with that locale and others."""
    products = small_shop.catalogue()
    only = products.filter(pc.equal(products["product_locale"], "us"))
    assert checksums(only, None).products == {"us": SHOP.products["us"]}
    assert len(set(SHOP.products.values())) == len(SHOP.products) > 1


@pytest.mark.parametrize("column", ["product_id", "product_title", "product_brand", "product_color"])
@pytest.mark.parametrize("row", [0, 13, 29])
def test_any_change_of_a_text_counts(column, row):
    products = small_shop.catalogue()
    values = products[column].to_pylist()
    values[row] = (values[row] or "") + "x"
    place = products.column_names.index(column)
    found = checksums(products.set_column(place, column, pa.array(values, pa.string())), None).products
    changed = {name for name, one in found.items() if one != SHOP.products[name]}
    assert changed == {products["product_locale"][row].as_py()}


def test_texts_do_not_flow_into_one_another():
    def of(*rows):
        names = ("product_id", "product_locale", "product_title", "product_brand", "product_color")
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        return checksums(pa.table(dict(zip(names, columns, strict=True))), None)

    assert of(("1", "us", "a b", "c", "")) != of(("1", "us", "a", "b c", ""))
    assert of(("1", "us", "a", "", "")) == of(("1", "us", "a", None, None))
    assert of(("1", "us", "a", "", "")) != of(("1", "us", "a", "", ""), ("2", "us", "a", "", ""))


def test_checksums_of_judgments_count_labels():
    judged = small_shop.judgments()
    other = judged.assign(esci_label=judged["esci_label"].replace("Exact", "Irrelevant"))
    assert checksums(small_shop.catalogue(), other).judgments != SHOP.judgments
    none = pd.DataFrame(columns=judged.columns)
    assert checksums(small_shop.catalogue(), none) == Checksums(SHOP.products, {})


# -- which data ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measured", "served", "origin"),
    [
        # (checksums, name, products) of the evaluation and of the store
        ((SHOP, "tiny", 30), (SHOP, "tiny", 30), "here"),
        ((SHOP, "./shop", 30), (SHOP, "shop.csv", 30), "here"),
        ((SHOP, "tiny", 30), (replace(SHOP, products=SHOP.products | OTHER_US), "tiny", 30), "elsewhere"),
        ((Checksums({"us": SHOP.products["us"]}), "tiny", 20), (SHOP, "tiny", 30), "here"),
        ((SHOP, "tiny", 30), (Checksums({"us": SHOP.products["us"]}), "tiny", 20), "elsewhere"),
        ((SHOP, "tiny", 30), (replace(SHOP, judgments={}), "tiny", 30), "here"),
        ((None, "tiny", 30), (SHOP, "tiny", 30), "here"),
        ((None, "tiny", 30), (SHOP, "tiny", 31), "unknown"),
        ((None, "sample", 30), (SHOP, "tiny", 30), "unknown"),
        ((Checksums(), "sample", 30), (SHOP, "tiny", 30), "unknown"),
        ((SHOP, "tiny", 30), (None, "tiny", 30), "here"),
        ((SHOP, "sample", 30), (None, "tiny", 30), "unknown"),
    ],
)
def test_where_it_was_measured(measured, served, origin):
    """Older files have no checksums: then name and number of products decide."""
    sums, name, rows = served
    assert provenance.compare(measured_on(*measured), name, rows, sums).origin == origin


def test_without_an_evaluation_or_its_data():
    assert provenance.compare(None, "tiny", 30, SHOP) is None
    found = provenance.compare(Evaluation(verdict="Fine-tuning helped."), "tiny", 30, SHOP)
    assert found.origin == "unknown" and found.here is None and "unknown data" in found.sentence


def test_the_json_keeps_checksums():
    told = Evaluation.from_json(measured_on(SHOP).to_json())
    assert told.dataset.checksums == SHOP
    assert Evaluation.from_json(small_evaluation.content().to_json()).dataset.checksums is None


def test_other_text_and_other_judgments_are_doubts():
    encoders = small_shop.engine().description.encoders
    found = replace(measured_on(SHOP), settings={"bullets": 100})
    here = EngineDescription(encoders=encoders, text="{title} {brand} {color} {bullet_point[:100]}", checksums=SHOP)
    assert doubts(found, here) == []
    assert "other text" in doubts(found, replace(here, text="{title} {brand} {color}"))[0]
    short = {part: replace(one, max_seq_length=8) for part, one in encoders.items()}
    assert "other text" in doubts(found, replace(here, encoders=short))[0]
    assert "other text" in text(header(30, replace(here, encoders=short), "", found))
    other = replace(SHOP, judgments=SHOP.judgments | OTHER_US)
    assert "other judgments" in doubts(found, replace(here, checksums=other))[0]
    assert doubts(found, replace(here, checksums=replace(SHOP, judgments={}))) == []


# -- what the page says ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def foreign():
    """The small shop with an evaluation of the sample."""
    shop = small_shop.engine()
    found = provenance.compare(measured_on(Checksums(OTHER_US), "sample", 2524), "tiny", 30, SHOP)
    return SearchEngine(shop.catalogue, shop.systems, judgments=shop.judgments, elsewhere=found)


def test_the_header_claims_nothing_of_another_catalogue(foreign):
    """It said "30 products · Fine-tuning helped … 56 queries better" of a store that was never measured."""
    shown = header(30, foreign.description, "", foreign.evaluation, foreign.elsewhere)
    assert f"Measured on sample, {NOTHING_KNOWN}." in text(shown) and "<em>sample</em>" in shown
    assert "Fine-tuning" not in text(shown) and "queries" not in text(shown)
    with language("ru"):
        assert NOTHING_KNOWN not in text(header(30, foreign.description, "", None, foreign.elsewhere))


def test_queries_and_figures_of_another_catalogue_are_gone(foreign):
    """The picker offers the judged queries of this catalogue, without differences."""
    assert not foreign.held_out.measured
    assert {entry.query for entry in foreign.held_out.entries} == set(small_shop.judgments()["query"])
    said = text(elsewhere(foreign.elsewhere, foreign.description))
    assert f"Measured on sample, {NOTHING_KNOWN}." in said and "train.py" in said and "There: " in said
    for gone in ("query us", small_evaluation.HOSTILE, "nDCG@10 in the full catalogue went", "Slices"):
        assert gone not in said


def test_a_model_of_the_sample_over_a_shop(built, tiny_e5, tmp_path, monkeypatch, caplog):
    """The documented way to a foreign catalogue: log, card, header, picker and BM25 leave the sample's figures out."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.csv").write_text("product_id,product_title\n1,red kettle\n2,blue kettle\n")
    models = {"tuned": str(built / "saved_e5_model"), "base": str(tiny_e5)}
    caplog.set_level("INFO", "space")
    build_embeddings.main(["--catalogue", "shop.csv", "--base-model", models["base"], "--model", models["tuned"]])
    assert f"Measured on sample, {NOTHING_KNOWN}" in caplog.text
    card = (tmp_path / "artifacts" / "README.md").read_text()
    assert NOTHING_KNOWN in card and "queries better" not in card and "nDCG@10" not in card
    engine = load_engine("artifacts", models, offline=True)
    assert engine.evaluation is None and engine.elsewhere.origin == "elsewhere" and len(engine.held_out) == 0
    index = engine.systems["bm25"].index
    assert (index.k1, index.b) == (K1, B), "other values were chosen on the sample's queries"


def test_the_store_of_the_training_data_is_measured(built, tiny_e5):
    store = Store(built / "artifacts")
    engine = load_engine(
        str(built / "artifacts"), {"tuned": str(built / "saved_e5_model"), "base": str(tiny_e5)}, offline=True
    )
    assert engine.evaluation.dataset.checksums == store.manifest.checksums and engine.held_out.measured
    assert engine.elsewhere is None and doubts(engine.evaluation, engine.description) == []
    assert "## Results" in (built / "artifacts" / "README.md").read_text()


def test_a_manifest_without_checksums_is_read(built, tmp_path):
    """Stores from before are still served; checksums of a strange type are refused as any entry is."""
    content = json.loads((shutil.copytree(built / "artifacts", tmp_path / "s") / "manifest.json").read_bytes())
    assert set(content.pop("checksums")) == {"products", "judgments"}
    assert manifest.parse(json.dumps(manifest.signed(content)).encode()).checksums is None
    bent = content | {"checksums": {"products": {"us": 7}}}
    with pytest.raises(manifest.ManifestError, match="checksums.products.us should be text"):
        manifest.parse(json.dumps(manifest.signed(bent)).encode())
