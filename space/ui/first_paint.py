"""The first answer of the page: its own title, previews for chats, and the verdict, before any script has arrived.

Gradio's page is empty until 300 kB of scripts have run. So the header is written into it on the server, and leaves
when Gradio has drawn its own. The page is compressed, and the scripts, whose names change with their content, may be
kept by the browser for a year.
"""

import re
from functools import cache

import brotli
from gradio.route_utils import get_root_url
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from space import i18n
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.ui.html.header import PRODUCT, header, question
from space.ui.html.markup import Html, fill, join
from space.ui.html.verdict import verdict_text
from space.ui.static import STYLE, script
from space.ui.verdict_card import PATH

KEPT = "public, max-age=31536000, immutable"
#: Finished pages that are kept, by address, language and compression. Making one takes 17 ms, in which hardly anything
#: else is answered, and some megabytes.
MOST_MADE = 20
_PREVIEWS = re.compile(r'<meta\s+(?:property|name)="(?:og|twitter):[^>]*/?>\s*')
#: From the settings of Gradio to the end of the head: scripts and styles, which wait behind the verdict.
_LATER = re.compile(r"<script>window\.gradio_config = .*(?=</head>)", re.DOTALL)
_SHEETS = re.compile(r'<link\b[^>]*\brel="stylesheet"[^>]*>')
NOT_WAITING = """<link media="print" onload="this.media='all'" """
#: Enough of what Gradio's style sheets set for the header to stand where it will stand.
_FRAME = """#first-paint { font: 14px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; width: 100%;
  max-width: 1200px; margin: 0 auto; padding: 16px clamp(14px, 4vw - 1px, 32px) 0; box-sizing: border-box; }
#first-paint.dark { background: var(--bg-dark); }
#first-paint * { box-sizing: border-box; }
#first-paint .coming { color: var(--quiet); padding-top: 14px; }"""


class FirstPaint:
    """ASGI middleware that completes Gradio's page, and lets browsers keep its scripts.

    Args:
        app: the page.
        engine: for the verdict.
        root_path: the path, or the whole address, at which a proxy shows the page.
    """

    def __init__(self, app: ASGIApp, engine: SearchEngine, root_path: str = "") -> None:
        """Completes the answers of ``app``."""
        self._app, self._root_path = app, root_path
        self._front = cache(lambda code: _front(engine, code))
        #: {address, language, whether compressed: (headers, body)}.
        self._made: dict[tuple[str, str, bool], tuple[list[tuple[bytes, bytes]], bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; complete the answer if it is the page or one of its scripts."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        elif scope["path"] in ("", "/"):
            await self._page(scope, receive, send)
        else:
            is_kept = "/assets/" in scope["path"] or (scope["path"].endswith("/theme.css") and scope["query_string"])

            async def kept(message: Message) -> None:
                if is_kept and message["type"] == "http.response.start" and message["status"] == 200:
                    MutableHeaders(scope=message)["cache-control"] = KEPT
                await send(message)

            await self._app(scope, receive, kept)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        asked = Headers(scope=scope)
        # All that the page depends on; its own script reads the query.
        key = (
            get_root_url(request, "/", self._root_path or scope.get("root_path")),
            i18n.preferred(asked.get("accept-language")),
            "br" in asked.get("accept-encoding", ""),
        )
        started: list[Message] = []
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body", False):
                return
            start, body = started[0], b"".join(parts)
            headers = MutableHeaders(scope=start)
            if start["status"] == 200 and headers.get("content-type", "").startswith("text/html"):
                body = self._completed(body, *key, headers)
                if scope["method"] == "GET":
                    while len(self._made) >= MOST_MADE:
                        del self._made[next(iter(self._made))]
                    self._made[key] = (list(start["headers"]), body)
            await send(start)
            await send({"type": "http.response.body", "body": body})

        if key in self._made:
            raw, body = self._made[key]
            await send({"type": "http.response.start", "status": 200, "headers": list(raw)})
            await send({"type": "http.response.body", "body": body})
        else:
            await self._app({**scope, "query_string": b""}, receive, collect)

    def _completed(self, body: bytes, address: str, code: str, compressed: bool, headers: MutableHeaders) -> bytes:
        body = complete(body.decode(), code, *self._front(code), address).encode()
        headers["vary"] = "Accept-Encoding, Accept-Language"
        headers["cache-control"] = "no-cache"
        if compressed:
            body = brotli.compress(body, quality=4)  # 10 ms for 330 kB
            headers["content-encoding"] = "br"
        headers["content-length"] = str(len(body))
        return body


def complete(page: str, code: str, about: str, front: Html, address: str) -> str:
    """Gradio's page with title, previews and verdict.

    Args:
        page: as Gradio made it; without the places that are looked for, that part stays as it is.
        code: the language of the visitor.
        about: a sentence or two about this page.
        front: what is shown until Gradio has drawn the page.
        address: of the page, without a slash at the end.
    """
    page = _PREVIEWS.sub("", page)
    later = _LATER.search(page)
    scripts = ""
    if later:
        # Style sheets that Gradio loads later have to come after its own, which would win in the body. As one for
        # print it does not keep the verdict waiting.
        sheets = "".join(_SHEETS.findall(later[0]))
        scripts = _SHEETS.sub("", later[0])
        page = page[: later.start()] + sheets.replace("<link ", NOT_WAITING) + page[later.end() :]
    page = page.replace('lang="en"', f'lang="{code}"', 1)
    page = page.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />{previews(about, address, code)}', 1)
    return re.sub(r"<body[^>]*>", lambda body: f"{body[0]}{front}{scripts}", page, count=1, flags=re.DOTALL)


def previews(about: str, address: str, code: str) -> Html:
    """Title, description and picture of the page, for browsers, search engines and previews in chats."""
    facts = {
        "og:title": PRODUCT,
        "og:description": about,
        "og:type": "website",
        "og:url": f"{address}/",
        "og:image": address + PATH,
        "og:image:type": "image/png",
        "og:image:width": "1200",
        "og:image:height": "630",
        "og:image:alt": about,
        "og:locale": {"en": "en_US"}.get(code, code),
    }
    metas = [fill('<meta property="{name}" content="{value}" />', name=name, value=facts[name]) for name in facts]
    named = {"description": about, "twitter:card": "summary_large_image"}
    metas += [fill('<meta name="{name}" content="{value}" />', name=name, value=named[name]) for name in named]
    return fill("<title>{title}</title>{metas}", title=PRODUCT, metas=join(metas))


def _front(engine: SearchEngine, code: str) -> tuple[str, Html]:
    """(a sentence or two about the page, the header until Gradio draws it), in one language."""
    with i18n.language(code):
        about = verdict_text(engine.evaluation, engine.elsewhere) or question(engine.description)
        shown = header(len(engine), engine.description, engine.notice, engine.evaluation, engine.elsewhere)
        return about, fill(
            '<div id="first-paint"><style>{style}</style><div class="e5-head">{header}</div>'
            '<p class="coming">{coming}</p><script>{script}</script></div>',
            style=Html(STYLE.read_text(encoding="utf-8") + _FRAME),
            header=shown,
            coming=_("Search is loading …"),
            script=Html(script("first_paint")),
        )
