"""What ``python app.py`` can be asked for, by flags or by the variables of a Space."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from space.settings.data import offline
from space.settings.flags import FOLDER_OR_ID, REPOSITORY, RERANK_TOP, Check, Settings, setting, within
from space.settings.names import check_milvus, named_encoders

INDEXES = ("torch", "milvus")
#: {variable: the flag it stands for}.
APP_VARIABLES = {
    "E5_MODEL": "--model",
    "E5_BASE_MODEL": "--base-model",
    "E5_EMBEDDINGS": "--embeddings",
    "E5_ONLY": "--only",
    "E5_RERANKER": "--reranker",
    "E5_RERANK_TOP": "--rerank-top",
    "E5_INDEX": "--index",
    "E5_MILVUS_URI": "--milvus-uri",
    "E5_USAGE_FILE": "--feedback",  # of older versions
    "E5_USAGE_DATASET": "--feedback-dataset",
    "E5_FEEDBACK": "--feedback",
    "E5_FEEDBACK_DATASET": "--feedback-dataset",
    "E5_LOG_QUERIES": "--log-queries",
    "E5_VOTING": "--voting",
    "E5_JUDGING": "--judging",
    "E5_RATERS": "--raters",
    "E5_VOTE_QUERIES": "--vote-queries",
    "E5_GUIDELINES": "--guidelines",
    "GRADIO_SERVER_NAME": "--host",
    "GRADIO_SERVER_PORT": "--port",
    "GRADIO_ROOT_PATH": "--root-path",
    "E5_FRAME_ANCESTORS": "--frame-ancestors",
    "E5_IMAGES": "--images",
}
_LISTS = ("--frame-ancestors", "--raters", "--model", "--only")
#: Who may answer: no visitor, all visitors, or Hub users who have logged in.
ANSWERING = ("off", "open", "login")

_PATH: Check = (
    lambda path: bool(re.fullmatch(r"/?|(https?://[^\s/?#]+)?(/[^\s/?#]+)*/?", path)),
    "write it as /shop, or as https://example.org/shop",
)
#: A source of a content security policy: a site without a path.
_SITES: Check = (
    lambda sites: all(
        re.fullmatch(r"\*|https?://(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d+)?", one) for one in sites
    ),
    "write each site as https://shop.example or https://*.shop.example, without a path",
)


@dataclass(frozen=True)
class AppSettings(Settings):
    """The settings of the page."""

    embeddings: str | None = setting(
        None, "Store of build_embeddings.py: a Hub id (ID@REVISION pins) or a folder.", FOLDER_OR_ID
    )
    model: list[str] = setting(
        (),
        "Fine-tuned encoder, and NAME=ID for others of the store: a Hub id (ID@REVISION pins) or a folder.",
        shown="those that the store names",
    )
    base_model: str | None = setting(
        None,
        "Encoder before fine-tuning: a Hub id (ID@REVISION pins) or a folder. Without it the one the store names.",
        FOLDER_OR_ID,
    )
    only: list[str] = setting(
        (), "Load only these encoders of the store, by name; each takes memory and time.", shown="all"
    )
    reranker: str | None = setting(
        None,
        "Cross-encoder that reorders the best products of the fine-tuned encoder, as a further system: a Hub id "
        "(ID@REVISION pins) or a folder.",
        FOLDER_OR_ID,
    )
    rerank_top: int = setting(50, "With --reranker: how many of the best products are reordered.", RERANK_TOP)
    index: str = setting("torch", "Where vectors are searched: torch in this process, or milvus.", choices=INDEXES)
    milvus_uri: str | None = setting(
        None,
        "With --index milvus: a file ending in .db or http(s)://HOST:PORT, loaded by build_embeddings.py --to-milvus.",
    )
    host: str = setting("127.0.0.1", "Address to listen on; 0.0.0.0 is all of IPv4, :: all of IPv6.")
    port: int = setting(
        7860, "Port to listen on; 0 takes a free one.", within(0, 65535, "use 0 (a free one) to 65535")
    )
    root_path: str = setting(
        "",
        "Path at which a proxy shows the page, such as /shop, or the whole address, https://example.org/shop.",
        _PATH,
    )
    frame_ancestors: list[str] = setting(
        (),
        "Sites besides the Hub that may show the page in a frame, such as https://shop.example; '*' is any.",
        _SITES,
    )
    images: bool = setting(
        True,
        "Show product pictures, which browsers load from other sites.",
        off="Show a letter or a drawing instead of pictures from other sites.",
    )
    share: bool = setting(False, "Also ask for a public link.")
    feedback: str = setting(
        "feedback", "Folder that keeps how often products are shown and opened; 'off' keeps nothing."
    )
    log_queries: bool = setting(False, "Also count the texts of queries, which are not kept otherwise.")
    feedback_dataset: str | None = setting(
        None, "Commit this folder to a private data set on the Hub, USER/DATASET.", REPOSITORY
    )
    feedback_minutes: float = setting(15.0, "Minutes between two of these commits.", within(1, 1440, "use 1 to 1440"))
    voting: str | None = setting(
        None,
        "Who may vote on blind pairs of lists: off, open, or login for Hub users.",
        shown="open; on a Space off",
        choices=ANSWERING,
    )
    judging: str | None = setting(
        None,
        "Who may judge products: off, open, or login for Hub users.",
        shown="open; on a Space off",
        choices=ANSWERING,
    )
    raters: list[str] = setting((), "With login, the Hub users who may answer; without it all may.")
    vote_queries: Path | None = setting(
        None, "Text file with a query on each line, to vote on in place of the held-out queries."
    )
    guidelines: Path | None = setting(None, "Markdown file that is shown beside the judging.")
    judges_per_pair: int = setting(1, "How many raters should judge each pair.", within(1, 20, "use 1 to 20"))
    offline: bool = offline()

    def __post_init__(self) -> None:
        """Check the values, then that the settings which need each other are all there."""
        super().__post_init__()
        if self.milvus_uri:
            check_milvus("--milvus-uri", self.milvus_uri)
            self.require(self.index == "milvus", "index", "--milvus-uri needs --index milvus")
        elif self.index == "milvus":
            self.require(False, "index", "it needs --milvus-uri, a file or http://HOST:19530")
        self.require(
            not self.feedback_dataset or self.feedback_folder is not None,
            "feedback",
            "--feedback-dataset needs a folder",
        )
        for name, kind in (("guidelines", "Markdown"), ("vote_queries", "text")):
            path = getattr(self, name)
            self.require(not path or path.is_file(), name, f"there is no such file: name a {kind} file")
        self.models()
        for name in ("model", "base_model", "only"):
            given = bool(getattr(self, name))
            self.require(not given or bool(self.embeddings), name, "name the store of its vectors too, --embeddings X")

    def models(self) -> dict[str, str]:
        """{encoder of the store: its id or folder} of --base-model and --model.

        Raises:
            SettingsError: see ``named_encoders``; or base has two.
        """
        found = named_encoders("--model", self.model, "tuned")
        self.require(not (self.base_model and "base" in found), "base_model", "base is a --model too; name it once")
        return found | ({"base": self.base_model} if self.base_model else {})

    @property
    def feedback_folder(self) -> Path | None:
        """The folder of what visitors leave; None keeps nothing."""
        return None if self.feedback in ("", "off") else Path(self.feedback)


def environment_arguments(environ: Mapping[str, str] | None = None) -> list[str]:
    """The variables of a Space as flags; put them before those of the command line, which then win."""
    environ = os.environ if environ is None else environ
    given = {flag: environ[variable] for variable, flag in APP_VARIABLES.items() if environ.get(variable)}
    # A list is separated by spaces or commas.
    words = {flag: re.split(r"[\s,]+", value.strip()) if flag in _LISTS else [value] for flag, value in given.items()}
    return [word for flag, values in words.items() for word in (flag, *values)]
