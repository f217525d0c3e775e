"""The real ESCI rows beside the repository are read as they were judged."""

import html

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import ROOT
from esci_rows import ALL, JUDGMENTS, keys

from space.pipelines.inputs import open_judged

REAL = ROOT.parent / "shared" / "esci"
needs_real = pytest.mark.skipif(
    not (REAL / "products.parquet").is_file(), reason="the ESCI sample is not beside the repository (../shared/esci)"
)


@pytest.fixture(scope="module")
def real():
    return open_judged(str(REAL), ALL)


@needs_real
def test_real_sizes(real):
    """The numbers of the sample's own description."""
    locales = pd.Series(real.catalogue["product_locale"].to_pylist()).value_counts().to_dict()
    assert locales == {"us": 9113, "jp": 510, "es": 412}
    assert (len(real.train), len(real.test), real.test["query"].nunique()) == (6876, 1604, 35)
    assert real.test["esci_label"].value_counts().to_dict() == {
        "Exact": 828,
        "Substitute": 459,
        "Irrelevant": 183,
        "Complement": 134,
    }


@needs_real
@pytest.mark.parametrize("split", ["train", "test"])
def test_real_rows_are_the_judged_ones(real, split):
    """The title at a judgment's row is the title that was judged, without HTML entities and spaces around it."""
    source = pq.read_table(REAL / f"{split}.parquet", columns=[*JUDGMENTS, "product_title"]).to_pandas()
    frame = getattr(real, split)
    titles = np.array(real.catalogue["product_title"].to_pylist(), dtype=object)[frame["row"]]
    found = frame.assign(found=titles).merge(source, on=["product_locale", "query", "product_id"])
    assert len(found) == len(source)
    assert found["found"].tolist() == [html.unescape(title).strip() for title in found["product_title"]]
    assert found["esci_label_x"].astype(str).tolist() == found["esci_label_y"].tolist()


@needs_real
def test_real_joined_rows_without_the_products_file(real, tmp_path):
    """Joined rows give the same products as products.parquet."""
    for name in ("train.parquet", "test.parquet"):
        (tmp_path / name).symlink_to(REAL / name)
    picked = open_judged(str(tmp_path), ALL)
    judged = set(map(tuple, pd.concat([real.train, real.test])[["product_locale", "product_id"]].to_numpy()))
    assert set(keys(picked.catalogue)) == judged
    titles = np.array(real.catalogue["product_title"].to_pylist(), dtype=object)[real.test["row"]]
    assert (
        np.array(picked.catalogue["product_title"].to_pylist(), dtype=object)[picked.test["row"]].tolist()
        == titles.tolist()
    )
