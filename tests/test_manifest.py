"""A manifest is read whole or refused with the entry named: damaged, hostile, of another format."""

import hashlib
import json

import pytest

from space.data.scale import parse as read_scale
from space.encoding.description import EncoderDescription
from space.store import manifest

SHA = "0" * 64
ENCODER = {"id": "m", "revision": "abc", "fingerprint": "f", "dim": 65_536, "max_seq_length": 2**31}
#: Every number as large as it may be.
LARGEST = {"format": 1, "dataset": "d", "notice": "n", "rows": 10**9, "shard_size": 2**63, "text": "t"}
LARGEST |= {
    "files": {"base/a-1.parquet": {"bytes": 2**63, "sha256": SHA}, "b.json": {"bytes": 1, "sha256": "9af" + SHA[3:]}}
}
LARGEST |= {"encoders": {"base": ENCODER, "tuned": ENCODER | {"revision": None, "dim": 1, "max_seq_length": 1}}}


def parse(content):
    return manifest.parse(json.dumps(content).encode())


def test_every_single_flipped_bit_is_refused_or_means_the_same():
    """In a notice or a sequence limit, only the manifest's own checksum can tell."""
    text = json.dumps(manifest.signed(LARGEST), indent=1).encode()
    good, taken = manifest.parse(text), 0
    for at in range(len(text)):
        for bit in range(8):
            bent = bytearray(text)
            bent[at] ^= 1 << bit
            try:
                assert manifest.parse(bytes(bent)) == good  # such as another kind of white space
                taken += 1
            except manifest.ManifestError:
                pass
    assert taken < len(text)


def test_a_manifest_is_read_as_it_was_written():
    """Entries of later versions are ignored, absent ones of an encoder take their defaults."""
    found = parse(manifest.signed(LARGEST | {"later": 1, "encoders": LARGEST["encoders"] | {"third": ENCODER}}))
    assert found.encoders["base"] == EncoderDescription(**ENCODER) and set(found.encoders) == {
        "base",
        "tuned",
        "third",
    }
    assert found.files["b.json"] == manifest.FileEntry(1, "9af" + SHA[3:])
    assert (found.dataset, found.notice, found.rows, found.shard_size, found.text) == ("d", "n", 10**9, 2**63, "t")
    assert manifest.parse(found.to_bytes()) == found


def test_format_2_has_encoders_of_any_name():
    """The lowest format that can say what a store has is written, so that older versions read what they can."""
    few = {"encoders": {"bge-small": ENCODER}}
    found = parse(manifest.signed(LARGEST | few | {"format": 2}))
    assert list(found.encoders) == ["bge-small"] and json.loads(found.to_bytes())["format"] == 2
    assert json.loads(parse(manifest.signed(LARGEST | {"format": 2})).to_bytes())["format"] == 1
    with pytest.raises(manifest.ManifestError, match="encoders should have at least one"):
        parse(manifest.signed(LARGEST | {"format": 2, "encoders": {}}))


def test_a_scale_is_kept_and_one_that_cannot_be_used_is_refused():
    """Without one, as in older stores, the file has no entry for it."""
    scale = read_scale("gut=1!,schlecht=0")
    grades = [vars(grade) for grade in scale.grades]
    found = parse(manifest.signed(LARGEST | {"scale": {"grades": grades}}))
    assert found.scale == scale and manifest.parse(found.to_bytes()) == found
    assert parse(manifest.signed(LARGEST)).scale is None and b"scale" not in parse(manifest.signed(LARGEST)).to_bytes()
    for bad in ([], [grades[1]], grades[::-1], [grades[0] | {"colour": "red; x"}], [grades[0] | {"gain": 2}], "x", 1):
        with pytest.raises(manifest.ManifestError, match="scale"):
            parse(manifest.signed(LARGEST | {"scale": {"grades": bad}}))


def of_files(name="a.json", **changes):
    return {"files": {name: {"bytes": 1, "sha256": SHA} | changes}}


def of_encoders(**changes):
    return {"encoders": {"base": ENCODER, "tuned": ENCODER | changes}}


@pytest.mark.parametrize(
    "change",
    [
        *({name: value} for name in ("dataset", "notice", "text") for value in (None, 1, ["x"])),
        *({"rows": value} for value in (10**9 + 1, -1, 0, None, "7", 7.0, True, float("inf"))),
        *({"shard_size": value} for value in (0, 2**63 + 1, None)),
        {"files": None}, {"files": ["manifest.json"]}, {"files": {"a.json": None}}, {"files": {"a.json": []}},
        *map(of_files, ("../a", "a/b/c", "a/", "/a", ".a", "a/.b", "-a", "a b", "\u00e4/a", "a\n", "", "a\0")),
        of_files("base/../../../etc/passwd"),
        of_files(bytes=0), of_files(bytes=2**63 + 1), of_files(bytes="1"), of_files(bytes=True), of_files(bytes=None),
        of_files(sha256=None), of_files(sha256=SHA + "0"), of_files(sha256=SHA[1:]), of_files(sha256="A" + SHA[1:]),
        {"encoders": {"base": ENCODER}}, {"encoders": {"tuned": ENCODER}}, {"encoders": ["base", "tuned"]},
        {"encoders": {"base": ENCODER, "tuned": ENCODER, "third": {}}}, {"encoders": {"base": ENCODER, "tuned": 1}},
        {"encoders": {}},
        of_encoders(id=None), of_encoders(fingerprint=1), of_encoders(revision=5), of_encoders(dim=0),
        of_encoders(dim=65_537), of_encoders(dim=None), of_encoders(dim=8.0), of_encoders(max_seq_length=0),
        of_encoders(max_seq_length=2**31 + 1), of_encoders(max_seq_length=None), of_encoders(reason=None),
        of_encoders(precision=1), of_encoders(prompts=[]), of_encoders(prompts={"query": 1}),
    ],
)  # fmt: skip
def test_one_entry_that_cannot_be_used_is_named(change):
    """Anyone can push a manifest with the right checksum: no file outside the store is read, no memory is taken."""
    parse(manifest.signed(LARGEST))
    with pytest.raises(manifest.ManifestError, match=rf"^{next(iter(change))}.* should .*(is|has) "):
        parse(manifest.signed(LARGEST | change))


def test_the_checksum_is_that_of_all_other_entries():
    """Stores on the Hub have it under this name and in this form."""
    said = hashlib.sha256(json.dumps(LARGEST, sort_keys=True).encode()).hexdigest()
    assert manifest.signed(LARGEST | {"sha256": "old"}) == LARGEST | {"sha256": said}
    for wrong in (LARGEST, LARGEST | {"sha256": SHA}, manifest.signed(LARGEST) | {"notice": "another"}):
        with pytest.raises(manifest.ManifestError, match="its own checksum differs"):
            parse(wrong)


@pytest.mark.parametrize(
    "text",
    [b"\xff", b"[1]", b'"format"', b"{}", b'{"rows": 1}', b'{"format": 1, "rows": 1' + b"0" * 5000 + b"}",
     b'{"format": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"],
    ids=range(7),
)  # fmt: skip
def test_bytes_that_are_not_a_manifest(text):
    with pytest.raises(manifest.ManifestError, match=r"^not a manifest \("):
        manifest.parse(text)


@pytest.mark.parametrize("number", [0, 3, "1", None, [1], True])
def test_a_manifest_of_another_format(number):
    with pytest.raises(manifest.ManifestError, match="this version reads 1 and 2; update the app"):
        parse(manifest.signed(LARGEST | {"format": number}))
