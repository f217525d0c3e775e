"""Importing without the collector: it rests inside, works again behind it, and is spared what is there by then."""

import gc

import pytest

from space.io.memory import uncollected


def test_the_collector_rests_inside_and_works_again_behind_it():
    before = gc.get_freeze_count()
    with uncollected():
        assert not gc.isenabled()
        kept = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(kept)


def test_it_works_again_behind_an_import_that_fails():
    with pytest.raises(ModuleNotFoundError), uncollected():
        import absent_from_every_machine  # noqa: F401
    assert gc.isenabled()


def test_cycles_made_later_are_still_freed():
    with uncollected():
        pass
    gone = []

    class Loop:
        def __del__(self):
            gone.append(self)

    loop = Loop()
    loop.itself = loop
    del loop
    gc.collect()
    assert len(gone) == 1
