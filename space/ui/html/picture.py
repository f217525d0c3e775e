"""Product pictures: only over https and from public names, with a drawing or a coloured letter as placeholder."""

import re
import zlib
from urllib.parse import urlsplit

from space.search.results import Product
from space.ui.html.drawing import drawing
from space.ui.html.markup import EMPTY, Html, fill

_HOST = re.compile(r"[a-z0-9._-]+")
#: Top-level domains that exist only inside local networks.
_LOCAL = set("arpa box corp home internal intranet invalid ip lan local localdomain localhost onion".split())
#: Public names that lead to a router or to the visitor's own machine, and all names below them: services that turn a
#: name into any address, names for local development, names that routers answer to.
_LEADS_HOME = set(
    "nip.io sslip.io xip.io traefik.me local.gd backname.io localtest.me lvh.me vcap.me lacolhost.com yoogle.com "
    "lvh.to localho.st plex.direct ts.net routerlogin.net routerlogin.com tplinkwifi.net tplinklogin.net "
    "asusrouter.com miwifi.com mywifiext.net dlinkrouter.com speedport.ip amplifi.lan gl-inet.com "
    "huaweimobilewifi.com hgu.it myfritz.net".split()
)


def picture(product: Product) -> Html:
    """The product's picture over a placeholder, which shows while it loads and if it cannot be loaded.

    It has no text for screen readers: the title stands beside it everywhere, and would be read twice.
    """
    letter = next((character for character in product.title if character.isalnum()), "?").upper()
    url = image_url(product.extra.get("image_url"))
    tag = '<img src="{url}" alt="" loading="lazy" decoding="async" referrerpolicy="no-referrer">'
    image = fill(tag, url=url) if url else EMPTY
    drawn = drawing(product)
    return fill(
        '<span class="picture{kind}" style="--hue:{hue}">{placeholder}{image}</span>',
        kind=" sketch" if drawn else "",
        # The same colour for all products of a brand.
        hue=zlib.crc32((product.brand or product.title).encode("utf-8", "replace")) % 360,
        placeholder=drawn or fill('<span aria-hidden="true">{letter}</span>', letter=letter),
        image=image,
    )


def image_url(value: object) -> str | None:
    """``value`` over https if it is an http(s) address with a public host name and a usual port, else None.

    Refused are javascript: and data: addresses, paths of this site, addresses with a user name, numeric hosts, local
    names, and known public names that lead into a visitor's own network. A stranger can still register a name that
    leads there; then a browser sends one request over https, without a referrer or cookies, and gets no certificate
    that it trusts. ``--no-images`` shows no foreign pictures at all.
    """
    if not isinstance(value, str) or any(one.isspace() or not one.isprintable() or one == "\\" for one in value):
        return None
    try:
        parts = urlsplit(value)
        usual = parts.port in (None, 80, 443) and parts.username is None
    except ValueError:  # an unclosed bracket in the host, or a port that is not a number
        return None
    if parts.scheme not in ("http", "https") or not usual or not _is_public(parts.hostname or ""):
        return None
    return parts._replace(scheme="https", netloc=parts.hostname or "").geturl()


def _is_public(host: str) -> bool:
    """Whether a host is a name in a public domain.

    Only ASCII letters: browsers map other characters, such as full-width ones, to different names.
    """
    *above, last = host.rstrip(".").split(".")
    named = bool(above) and all(above) and last[:1].isalpha() and _HOST.fullmatch(host) is not None
    below = (".".join([*above[place:], last]) for place in range(len(above)))
    return named and last not in _LOCAL and _LEADS_HOME.isdisjoint(below)
