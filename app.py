"""Serve the demo: base, fine-tuned and BM25 side by side.

Run it with: python app.py
With nothing configured it trains and embeds the bundled sample first, which takes a minute or two, once.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from space import settings as config
from space.errors import ServiceError, UserError
from space.feedback.usage import Usage
from space.hub import proxies
from space.io.memory import huge_pages, short_turns, uncollected
from space.pipelines import quickstart
from space.pipelines.quickstart import Artifacts, QuickstartError
from space.settings import AppSettings
from space.store.manifest import MANIFEST
from space.ui import address
from space.ui.importing import import_page

if TYPE_CHECKING:
    from space.search.engine import SearchEngine

#: Seconds of GPU that one search asks for on ZeroGPU. It needs milliseconds, but the first search of a process also
#: moves the vectors to the GPU. A call that asks for less is scheduled sooner.
GPU_SECONDS = 15
#: Answers of one system each that are kept for equal questions, about 5 MB at 10 results.
KEPT_ANSWERS = 5_000
LOCAL_MODEL, LOCAL_STORE = Path("saved_e5_model"), Path("artifacts")
OLD_COUNTS = Path("usage/usage.sqlite3")


def main(arguments: list[str] | None = None) -> None:
    """Read the settings, find the artifacts, serve them; an error ends the app with one sentence."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("space").setLevel(logging.INFO)
    huge_pages()
    # SIGTERM raises SystemExit, so that the quickstart can stop the command it is running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given = sys.argv[1:] if arguments is None else arguments
    try:
        settings = config.parse(AppSettings, [*config.environment_arguments(), *given], __doc__ or "")
        proxies.prepare(address.plain(settings.host))
        address.require_free(settings.host, settings.port)
        found = artifacts(settings)
        try:
            serve(settings, found)
        except UserError as error:
            if isinstance(error, ServiceError) or found != quickstart.artifacts():
                raise
            quickstart.forget()
            raise QuickstartError(f"{error}; start again, and the quickstart makes it anew") from error
    except (UserError, OSError) as error:
        sys.exit(f"app.py: {error}")
    except KeyboardInterrupt:
        print("\napp.py: stopped; the next start goes on from here", file=sys.stderr)
        sys.exit(130)


def artifacts(settings: AppSettings) -> Artifacts:
    """What to serve: the configured artifacts, else those in the default folders, else the quickstart's."""
    if settings.embeddings:
        return Artifacts(settings.embeddings, settings.models())
    local = local_artifacts()
    if local:
        print(f"Serving what train.py and build_embeddings.py left here: {LOCAL_MODEL} and {LOCAL_STORE}.", flush=True)
        return local
    if LOCAL_MODEL.is_dir():
        print(f"{LOCAL_MODEL} is here but no finished {LOCAL_STORE}: run python build_embeddings.py to serve it.")
    return quickstart.run()


def local_artifacts() -> Artifacts | None:
    """A finished model and store in the default folders, with the base model that made the store."""
    if not (LOCAL_MODEL.is_dir() and (LOCAL_STORE / MANIFEST).is_file()):
        return None
    return Artifacts(str(LOCAL_STORE), {"tuned": str(LOCAL_MODEL)})


def serve(settings: AppSettings, artifacts: Artifacts) -> None:
    """Load and check the artifacts, and serve the page until the process is stopped."""
    if settings.index == "milvus" and os.environ.get("SPACES_ZERO_GPU"):
        raise ServiceError(
            "--index milvus does not work on ZeroGPU, which runs every search in a new process and breaks the "
            "connection to Milvus: choose other hardware for the Space, or use --index torch"
        )
    folder = settings.feedback_folder
    usage = Usage(folder, log_queries=settings.log_queries) if folder else None
    if OLD_COUNTS.is_file():
        print(f"{OLD_COUNTS} has counts of an older version, which are no longer read: delete it.", flush=True)
    # Imported here because gradio and torch take seconds, and the quickstart prints its first lines before that.
    with uncollected(), short_turns(), ThreadPoolExecutor(1) as thread:
        gpu = zero_gpu()
        from space.search.loading import load_engine

        # Meanwhile this thread hashes and reads files.
        page_imports = thread.submit(import_page)
        engine = load_engine(
            artifacts.embeddings,
            artifacts.models,
            only=settings.only,
            offline=settings.offline,
            gpu=gpu,
            usage=usage,
            milvus_uri=settings.milvus_uri,
            kept_answers=KEPT_ANSWERS,
            reranker=settings.reranker,
            rerank_top=settings.rerank_top,
        )
        page_imports.result()
    from space.ui.access import who_may_answer
    from space.ui.page import launch

    if usage and settings.feedback_dataset and not settings.offline:
        from space.feedback.remote import ANSWERS
        from space.feedback.sync import Sync

        kinds = ["counts", *ANSWERS, *(["queries"] if settings.log_queries else [])]
        minutes = settings.feedback_minutes
        Sync(usage.journal, settings.feedback_dataset, minutes=minutes, kinds=kinds, flush=usage.flush).start()
    page = launch(
        engine,
        root_path=settings.root_path.rstrip("/"),
        frame_ancestors=settings.frame_ancestors,
        images=settings.images,
        people=who_may_answer(settings, usage.journal) if usage else None,
        server_name=address.for_gradio(settings.host),
        server_port=settings.port or None,
        share=settings.share and can_share(),
        quiet=True,
    )
    print(ready(engine, page.local_url, page.share_url), flush=True)
    page.block_thread()


def ready(engine: "SearchEngine", url: str, public: str | None = None) -> str:
    """The last lines of a start: where the page is, what it says, and where to look first."""
    from space.ui.html.verdict import verdict_text

    verdict = verdict_text(engine.evaluation, engine.elsewhere)
    lines = [
        f"\nReady: open {url}",
        *([f"Public link, for three days at most: {public}"] if public else []),
        verdict or "Nothing has been measured on this catalogue.",
        "Begin with the tab Compare, which has wins and losses side by side; the tab Evaluation has the evidence."
        if engine.evaluation
        else "Begin with the tab Compare, which has the encoders side by side.",
        f"For programs: {url}?view=api. Ctrl-C stops the page.",
    ]
    return "\n".join(lines)


def zero_gpu() -> Callable[..., Any] | None:
    """``spaces.GPU``, which runs a function with a GPU, on ZeroGPU hardware; None elsewhere.

    Every Gradio Space has the package, and on other hardware it does nothing. It is not used there, because requests
    that each get a GPU are not batched. Call this before torch initializes CUDA, which ``spaces`` has to replace.
    """
    if not os.environ.get("SPACES_ZERO_GPU"):
        return None
    import spaces

    return spaces.GPU(duration=GPU_SECONDS)


def can_share() -> bool:
    """Whether a public link can be had; if not, prints why. Gradio would try for up to a minute."""
    from space.ui.share import SHARE_SERVER, share_server_answers

    if os.environ.get("SPACE_ID"):
        print("--share is ignored: a Space has a public address.", flush=True)
        return False
    if not share_server_answers():
        print(f"No public link: {SHARE_SERVER} is out of reach. The page is served locally.", flush=True)
        return False
    return True


if __name__ == "__main__":
    main()
