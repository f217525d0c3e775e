"""The pictures of README and docs, from the quickstart as it is served.

python .ci/screenshots.py http://127.0.0.1:7860 quickstart feedback
python .ci/screenshots.py http://127.0.0.1:7861 four

Links restore a whole search, so a picture is a link and a size. The first folder is the one that the quickstart made,
for the cards, the second is the one of --feedback of the page. For docs/people.md it is filled: the sample's
construction judges and votes in place of people, and once more with known mistakes in place of a language model.

"four" takes the picture of four encoders alone. The page is that of a store of the sample, made by the commands in
docs/deployment.md, "More encoders than two".
"""

import random
import sys
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

IMAGES = ROOT / "docs" / "images"
#: Pairs that are judged, of which the model errs in this share.
JUDGED, ERRS = 300, 0.1
QUERY = "something to keep coffee hot at work, 16 oz"
SEARCH, COMPARE = f"?q={quote(QUERY)}&k=6&tab=search", f"?q={quote(QUERY)}&k=6&tab=compare"
SHOTS = {
    "compare.png": (COMPARE, 1280, 1180, "light", None),
    "search.png": (SEARCH, 1280, 960, "light", lambda page: page.locator("details.product summary").first.click()),
    "why.png": (COMPARE, 1280, 960, "light", lambda page: page.locator(".side.tuned .ask-why").first.click()),
    "own.png": ("?tab=own", 1280, 1100, "light", lambda page: try_own(page)),
    "evaluation.png": ("?tab=evaluation", 1280, 1500, "light", None),
    "data.png": ("?tab=data", 1280, 1300, "light", None),
    "statistics.png": ("?tab=statistics", 1280, 900, "light", None),
    "phone.png": (COMPARE, 390, 844, "dark", None),
    "vote.png": ("?tab=vote", 1280, 900, "light", lambda page: press(page, "Next query (n)")),
    "reveal.png": ("?tab=vote", 1280, 900, "light", lambda page: press(page, "Next query (n)", "B is better (2)")),
    "judge.png": ("?tab=judge", 1280, 900, "light", lambda page: press(page, "Next pair (n)")),
    "people.png": ("?tab=evaluation", 1280, 1000, "light", lambda page: count_all(page)),
}
FOUR = {"four.png": (f"{COMPARE}&reference=base&show=lists", 1280, 1230, "light", None)}
CARDS = {"model_card.png": "saved_e5_model", "dataset_card.png": "artifacts"}
CARD_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 1.5rem auto; padding: 0 1.5rem; color: #1f2328 }
h1, h2 { border-bottom: 1px solid #d1d9e0; padding-bottom: .3em } img { max-width: 100% }
table { border-collapse: collapse; font-size: 13px } td, th { border: 1px solid #d1d9e0; padding: .3em .7em }
pre { background: #f6f8fa; padding: 1em; border-radius: 6px } pre, code { font-size: 12.5px }
code { background: #f6f8fa } blockquote { border-left: .25em solid #d1d9e0; margin-left: 0; padding-left: 1em }
"""


def main() -> None:
    """Take every picture."""
    address, folder, four = sys.argv[1], Path(sys.argv[2]), sys.argv[2] == "four"
    if not four:
        fill(Path(sys.argv[3]), folder)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        for name, (link, width, height, scheme, act) in (FOUR if four else SHOTS).items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.add_init_script('localStorage.setItem("e5-tour", "seen")')
            page.goto(f"{address}/{link}")
            page.wait_for_timeout(3000)
            if act:
                act(page)
            page.wait_for_timeout(1500)
            page.screenshot(path=IMAGES / name)
            page.close()
        for name, part in ({} if four else CARDS).items():
            take_card(browser, folder.resolve() / part / "README.md", IMAGES / name)
        browser.close()


def fill(feedback: Path, folder: Path) -> None:
    """Votes of three raters, people's judgments and a model's grades, all by the construction of the sample."""
    from space.data.sample import label
    from space.feedback.ballots import Ballot
    from space.feedback.journal import Journal
    from space.feedback.judgments import Judgment, Judgments
    from space.feedback.machine import AGREEMENT, KIND, MachineJudgment, compared
    from space.feedback.votes import Votes, now
    from space.search.loading import load_engine
    from space.search.people import HeldOutPool, pairs

    engine = load_engine(str(folder / "artifacts"), offline=True)
    rng, journal, pair = random.Random(0), Journal(feedback), pairs(engine)[0]
    judgments, votes = Judgments(journal), Votes(journal)
    unjudged = []
    for lists in HeldOutPool(engine).lists(seconds=600):
        unjudged += [(lists.locale, lists.query, product) for product in lists.unjudged(())]
        good = [
            sum(label(lists.locale, lists.query, product) == "Exact" for product in lists.found[system])
            for system in (pair.first, pair.second)
        ]
        answer = "both" if good[0] == good[1] else "ab"[good[1] > good[0]]
        for rater in rng.sample(["hub:ann", "hub:bob", "hub:eve"], 2):
            votes.add(Ballot("", pair, False, lists.locale, lists.query, True).vote(answer, rater))
    machine = {}
    for place, (locale, query, product) in enumerate(rng.sample(unjudged, min(2 * JUDGED, len(unjudged)))):
        grade = label(locale, query, product)
        if place < JUDGED:
            judgments.add(Judgment(now(), rng.choice(["hub:ann", "hub:bob"]), locale, query, product, grade))
        said = rng.choice(engine.scale.names) if rng.random() < ERRS else grade
        made_up = MachineJudgment(now(), "made-up-model", locale, query, product, said, str(place), "made-up")
        machine[made_up.pair] = said
        journal.append(KIND, asdict(made_up))
    agreement = compared("made-up-model", "made-up", machine, judgments.of_pairs(), engine.scale)
    journal.append(AGREEMENT, {"at": now(), **asdict(agreement)})


def press(page: Page, *buttons: str) -> None:
    """Press buttons, each when it can be pressed."""
    for name in buttons:
        page.get_by_role("button", name=name).click()
        page.wait_for_timeout(2000)


def count_all(page: Page) -> None:
    """The evaluation with the grades of people and the model, and where the two agree."""
    page.get_by_role("radio", name="Labels, people and machine").check()
    page.locator(".e5-machine summary").click(timeout=120_000)


def try_own(page: Page) -> None:
    """The example table, which brings its query."""
    page.get_by_role("button", name="Use an example").click()
    page.locator(".side:visible").first.wait_for(timeout=60_000)


def take_card(browser: Browser, card: Path, picture: Path) -> None:
    """A card as Markdown shows it, below its front matter, which the Hub turns into tags and links."""
    _, front, text = card.read_text(encoding="utf-8").split("---\n", 2)
    front = front if len(front) < 600 else front[:600].rpartition("\n")[0] + "\n…\n"
    body = MarkdownIt("commonmark").enable("table").render(f"```yaml\n{front}```\n{text}")
    page = browser.new_page(viewport={"width": 1020, "height": 1500})
    shown = card.with_name(".card.html")
    try:
        shown.write_text(f"<meta charset='utf-8'><style>{CARD_STYLE}</style>{body}", encoding="utf-8")
        page.goto(shown.as_uri())
        page.screenshot(path=picture)
    finally:
        shown.unlink()
        page.close()


if __name__ == "__main__":
    main()
