"""Visitors' own catalogues: each kept for its visit, and never pushed out while it is in use."""

import pytest

from space.errors import UserError
from space.search import kept_catalogues
from space.search.kept_catalogues import KeptCatalogues


class Products:
    """In the place of an engine, of which only the number of products counts here."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(kept_catalogues.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(kept_catalogues, "MOST_PRODUCTS", 100)
    return now


def put(kept, visit, products):
    kept.make_room(visit, products)
    found = Products(products)
    kept.put(visit, found)
    return found


def test_a_catalogue_is_its_visits_and_is_forgotten_an_hour_after_its_last_use(clock):
    kept = KeptCatalogues()
    mine = put(kept, "alice", 10)
    assert kept.get("alice") is mine and kept.get("bob") is None
    clock[0] = 3500
    assert kept.get("alice") is mine
    clock[0] = 3500 + 3601
    assert kept.get("alice") is None
    put(kept, "alice", 10)
    kept.drop("alice")
    assert kept.get("alice") is None


def test_a_crowd_takes_the_place_of_old_catalogues_and_not_of_those_in_use(clock):
    """New visits once cost a visitor the catalogue that was being searched, and the page gave another reason."""
    kept = KeptCatalogues()
    put(kept, "old", 40)
    clock[0] = 1000
    mine = put(kept, "alice", 40)
    put(kept, "new", 60)  # fits beside alice's only without the old one
    assert kept.get("old") is None and kept.get("alice") is mine
    with pytest.raises(UserError, match="ten minutes"):
        put(kept, "another", 60)
    assert kept.get("alice") is mine


def test_a_visit_may_load_another_table_in_a_full_server(clock):
    kept = KeptCatalogues()
    put(kept, "alice", 100)
    assert kept.get("alice") is not put(kept, "bob", 0)
    assert len(put(kept, "alice", 90)) == 90
