"""A manifest is believed in every word or refused: damaged, hostile, foreign."""

import hashlib
import json

import pytest

from space.store import manifest

SHA = "0" * 64
ENCODER = {"id": "m", "revision": "abc", "fingerprint": "f", "dim": 65_536, "max_seq_length": 2**31}
#: As large as an honest one may be, in every number.
LARGEST = {"format": 1, "dataset": "d", "notice": "n", "rows": 10**9, "text": "t"}
LARGEST |= {
    "files": {"base/a-1.parquet": {"bytes": 2**63, "sha256": SHA}, "b.json": {"bytes": 1, "sha256": "9af" + SHA[3:]}}
}
LARGEST |= {"encoders": {"base": ENCODER, "tuned": ENCODER | {"revision": None, "dim": 1, "max_seq_length": 1}}}


def test_every_single_flipped_bit_is_refused_or_means_the_same():
    """In a notice, a sequence limit or a name no other check would find it."""
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


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": 0}, "rows cannot be 0"),
        ({"rows": 10**15}, "rows cannot be 1000000000000000"),
        ({"rows": True}, "rows cannot be True"),
        ({"rows": float("inf")}, "rows cannot be inf"),
        ({"notice": None}, "notice cannot be None"),
        ({"encoders": {"base": {}}}, "encoders cannot be"),
        ({"files": {"base/../../../etc/passwd": {"bytes": 1, "sha256": "0" * 64}}}, "files cannot be"),
        ({"files": {"/etc/passwd": {"bytes": 1, "sha256": "0" * 64}}}, "files cannot be"),
        ({"files": ["manifest.json"]}, "files cannot be"),
        ({"format": True}, "format True"),
        ({"format": 2}, "format 2, this version reads 1; update the app"),
    ],
)
def test_a_manifest_that_is_signed_and_hostile(change, said):
    """Anybody can push one with a checksum that fits: no file outside the store is read, no memory taken."""
    good = {"format": 1, "dataset": "d", "notice": "", "rows": 2, "text": "", "files": {}, "encoders": {}}
    good["encoders"] = dict.fromkeys(("base", "tuned"), {"id": "", "fingerprint": "", "dim": 2, "max_seq_length": 9})
    manifest.parse(json.dumps(manifest.signed(good)).encode())
    with pytest.raises(manifest.ManifestError, match=said):
        manifest.parse(json.dumps(manifest.signed(good | change)).encode())


def of_files(name="a.json", **changes):
    return {"files": {name: {"bytes": 1, "sha256": SHA} | changes}}


def of_encoders(**changes):
    return {"encoders": {"base": ENCODER, "tuned": ENCODER | changes}}


@pytest.mark.parametrize(
    "change",
    [
        *({name: value} for name in ("dataset", "notice", "text") for value in (None, 1, ["x"])),
        *({"rows": value} for value in (10**9 + 1, -1, None, "7", 7.0)),
        {"files": None}, {"files": {"a.json": None}}, {"files": {"a.json": []}},
        *map(of_files, ("../a", "a/b/c", "a/", "/a", ".a", "a/.b", "-a", "a b", "\u00e4/a", "a\n", "", "a\0")),
        of_files(bytes=0), of_files(bytes=2**63 + 1), of_files(bytes="1"), of_files(bytes=True), of_files(bytes=None),
        of_files(sha256=None), of_files(sha256=SHA + "0"), of_files(sha256=SHA[1:]), of_files(sha256="A" + SHA[1:]),
        {"encoders": {"base": ENCODER}}, {"encoders": {"tuned": ENCODER}}, {"encoders": ["base", "tuned"]},
        {"encoders": {"base": ENCODER, "tuned": ENCODER, "third": {}}}, {"encoders": {"base": ENCODER, "tuned": 1}},
        of_encoders(id=None), of_encoders(fingerprint=1), of_encoders(revision=5), of_encoders(dim=0),
        of_encoders(dim=65_537), of_encoders(dim=None), of_encoders(dim=8.0), of_encoders(max_seq_length=0),
        of_encoders(max_seq_length=2**31 + 1), of_encoders(max_seq_length=None),
    ],
)  # fmt: skip
def test_the_largest_manifest_is_read_and_nothing_beyond(change):
    """One entry out of bounds, well signed: refused with the name of the entry."""
    assert manifest.parse(json.dumps(manifest.signed(LARGEST)).encode()) == LARGEST
    with pytest.raises(manifest.ManifestError, match=rf"^{next(iter(change))} cannot be "):
        manifest.parse(json.dumps(manifest.signed(LARGEST | change)).encode())


def test_a_manifest_s_checksum_is_that_of_all_other_entries():
    """Under the name that stores on the Hub have; an older one does not count, and another is refused."""
    said = hashlib.sha256(json.dumps(LARGEST, sort_keys=True).encode()).hexdigest()
    assert manifest.signed(LARGEST | {"sha256": "old"}) == LARGEST | {"sha256": said}
    for wrong in (LARGEST, LARGEST | {"sha256": SHA}, manifest.signed(LARGEST) | {"notice": "another"}):
        with pytest.raises(manifest.ManifestError, match="its own checksum differs"):
            manifest.parse(json.dumps(wrong).encode())


@pytest.mark.parametrize("text", [b"\xff", b"[1]", b'"format"', b"{}", b'{"rows": 1}'])
def test_what_is_no_manifest_at_all(text):
    with pytest.raises(manifest.ManifestError, match=r"^not a manifest \("):
        manifest.parse(text)


@pytest.mark.parametrize("number", [0, 2, "1", None, [1]])
def test_a_manifest_of_another_format(number):
    with pytest.raises(manifest.ManifestError, match="this version reads 1; update the app"):
        manifest.parse(json.dumps(manifest.signed(LARGEST | {"format": number})).encode())


def test_a_number_of_five_thousand_digits():
    with pytest.raises(manifest.ManifestError, match="not a manifest"):
        manifest.parse(b'{"format": 1, "rows": 1' + b"0" * 5000 + b"}")


def test_a_manifest_nested_without_end():
    with pytest.raises(manifest.ManifestError, match="not a manifest"):
        manifest.parse(b'{"format": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
