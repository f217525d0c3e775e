"""Serve the demo: base, fine-tuned and BM25 side by side.

Run it with: python app.py
With nothing configured it trains and embeds the bundled sample first, which takes about a minute, once.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from space import settings as config
from space.errors import ServiceError, UserError
from space.feedback.usage import Usage
from space.io.memory import uncollected
from space.pipelines import quickstart
from space.settings import AppSettings

#: What one search may hold the GPU of a ZeroGPU Space for. It needs milliseconds, but the first one of a process also
#: moves the vectors there; and the less is asked for, the sooner the visitor's turn comes.
GPU_SECONDS = 15
LOCAL_MODEL, LOCAL_STORE = Path("saved_e5_model"), Path("artifacts")


def main(arguments: list[str] | None = None) -> None:
    """Settings, artifacts, engine, page."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("space").setLevel(logging.INFO)
    # A polite stop becomes an exception, so that the quickstart can stop its commands too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given = sys.argv[1:] if arguments is None else arguments
    try:
        settings = config.parse(AppSettings, [*config.environment_arguments(), *given], __doc__ or "")
        names = artifacts(settings)
        try:
            serve(settings, *names)
        except UserError as error:
            if isinstance(error, ServiceError) or names != quickstart.artifacts():
                raise
            quickstart.forget()
            raise quickstart.QuickstartError(f"{error}; here simply start again, it will be made anew") from error
    except (UserError, OSError) as error:
        sys.exit(f"app.py: {error}")


def artifacts(settings: AppSettings) -> tuple[str, str, str]:
    """Model, base model and embeddings to serve: as configured, else the local ones, else the quickstart's."""
    if settings.model and settings.base_model and settings.embeddings:
        return settings.model, settings.base_model, settings.embeddings
    local = local_artifacts()
    if local:
        print(f"Serving what train.py and build_embeddings.py left here: {LOCAL_MODEL} and {LOCAL_STORE}.", flush=True)
        return local
    if LOCAL_MODEL.is_dir():
        print(f"{LOCAL_MODEL} is here but no finished {LOCAL_STORE}: run python build_embeddings.py to serve it.")
    return quickstart.run(say=lambda line: print(line, flush=True))


def local_artifacts() -> tuple[str, str, str] | None:
    """A finished model and store in the default folders, with the base the store was made with."""
    if not (LOCAL_MODEL.is_dir() and (LOCAL_STORE / "manifest.json").is_file()):
        return None
    from space.store.reader import Store

    base = Store(LOCAL_STORE, verify=False).encoders["base"]
    return str(LOCAL_MODEL), base.pinned, str(LOCAL_STORE)


def serve(settings: AppSettings, model: str, base_model: str, embeddings: str) -> None:
    """Load, check and serve until stopped."""
    if settings.index == "milvus" and os.environ.get("SPACES_ZERO_GPU"):
        raise ServiceError(
            "--index milvus: on ZeroGPU hardware every search runs in a process of its own, which no connection "
            "survives; give the Space another hardware, or use --index torch"
        )
    # Only now: gradio and torch take seconds to import, and the quickstart has something to say before that.
    with uncollected():
        gpu = zero_gpu()
        from space.search.loading import load_engine
        from space.ui.page import launch

    usage = Usage(settings.usage_path, log_queries=settings.log_queries) if settings.usage_path else None
    engine = load_engine(
        model,
        base_model,
        embeddings,
        offline=settings.offline,
        gpu=gpu,
        usage=usage,
        milvus_uri=settings.milvus_uri,
    )
    if usage and settings.usage_dataset and not settings.offline:
        from space.feedback.backup import Backup

        Backup(usage, settings.usage_dataset, minutes=settings.usage_minutes).start()
    page = launch(
        engine,
        server_name=settings.host,
        server_port=settings.port or None,
        share=settings.share and can_share(),
    )
    page.block_thread()


def zero_gpu() -> Callable[..., Any] | None:
    """``spaces.GPU`` on ZeroGPU, where it lends a GPU to what it is put around; None elsewhere.

    The package is on every Gradio Space, and does nothing on other hardware; but who is lent a GPU for himself alone
    is not answered together with others. To be called first: it must see torch before torch sees a GPU.
    """
    if not os.environ.get("SPACES_ZERO_GPU"):
        return None
    import spaces

    return spaces.GPU(duration=GPU_SECONDS)


def can_share() -> bool:
    """Whether a public link is worth asking for; if not, says why. Gradio would try for up to a minute."""
    from space.ui.share import SHARE_SERVER, share_server_answers

    if os.environ.get("SPACE_ID"):
        print("--share is left out: a Space has a public address of its own.", flush=True)
        return False
    if not share_server_answers():
        print(f"No public link: {SHARE_SERVER} is out of reach. The page is served locally.", flush=True)
        return False
    return True


if __name__ == "__main__":
    main()
