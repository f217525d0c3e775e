"""Serve the demo: base, fine-tuned and BM25 side by side.

Run it with: python app.py
With nothing configured it trains and embeds the bundled sample first, which takes about two minutes once.
"""

import logging
import signal
import sys
from pathlib import Path

from space import config, quickstart
from space.config import AppSettings
from space.errors import UserError

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
            if names != quickstart.artifacts():
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
    from space.store import Store

    base = Store(LOCAL_STORE, verify=False).encoders["base"]
    return str(LOCAL_MODEL), f"{base['id']}@{base['revision']}" if base["revision"] else base["id"], str(LOCAL_STORE)


def serve(settings: AppSettings, model: str, base_model: str, embeddings: str) -> None:
    """Load, check and serve until stopped."""
    # Only now: gradio and torch take ten seconds to import, and the quickstart has something to say before that.
    from space.search import SearchEngine
    from space.ui import build_demo, launch_options

    engine = SearchEngine.load(model, base_model, embeddings, offline=settings.offline)
    build_demo(engine).launch(
        server_name=settings.host, server_port=settings.port or None, share=settings.share, **launch_options()
    )


if __name__ == "__main__":
    main()
