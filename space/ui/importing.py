"""Imports the page, and Gradio without what costs time and the page does not use: stub files, and Matplotlib."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

#: The module in which Gradio 6.31 writes the stub files.
_WRITER = "gradio.component_meta"


def import_page() -> None:
    """Import the page, and Gradio with it."""
    with without_stub_files():
        import_module("space.ui.page")
    # Around every request Gradio 6.31 sets how Matplotlib draws, so the first one would wait .2 s for its import. The
    # page has no plots by Matplotlib. Under another name in a later Gradio this changes nothing.
    import_module("gradio.utils").MatplotlibBackendMananger = nullcontext


@contextmanager
def without_stub_files() -> Iterator[None]:
    """If Gradio is imported within, it writes no stub files, neither then nor later.

    For editors, Gradio writes a file ``.pyi`` with the events of each class of components beside its source. It does
    so at every import and for 70 classes, and parses the source of each: half the time of the import.
    """
    finder = _WriterFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _WriterFinder(MetaPathFinder):
    """Finds the module that writes the stub files, and no other."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See ``importlib``."""
        found = PathFinder.find_spec(fullname, path) if fullname == _WRITER else None
        if found is not None and isinstance(found.loader, SourceFileLoader):
            found.loader = _WriterLoader(found.loader.name, found.loader.path)
        return found


class _WriterLoader(SourceFileLoader):
    """Loads that module and replaces its writer, which has no switch."""

    def exec_module(self, module: ModuleType) -> None:
        """See ``importlib``. In a Gradio without this function, the new name changes nothing."""
        super().exec_module(module)
        module.create_or_modify_pyi = lambda *_: None
