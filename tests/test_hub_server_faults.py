"""huggingface_hub against every kind of fault of `hub_server`: what is tried again, what is kept, what is an error."""

import hashlib

import pytest
from hub_client import WEIGHTS, raised, run_client, serve
from hub_server import Fault


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """One server for all tests; they use different repositories."""
    with serve(tmp_path_factory.mktemp("hub")) as server:
        yield server


FAULT_CALLS = """
    from concurrent.futures import ThreadPoolExecutor
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    api, weights = HfApi(), bytes(range(256)) * 1200

    def download(name, times=1):
        start = time.monotonic()
        content = Path(hf_hub_download("alice/f", name + ".bin")).read_bytes()
        seconds, expected = time.monotonic() - start, weights * times + name.encode()
        return {"intact": content == expected, "same_size": len(content) == len(expected), "seconds": seconds}

    def upload(name):
        content = weights + name.encode()
        return api.upload_file(path_or_fileobj=content, path_in_repo="a.bin", repo_id="alice/" + name).oid

    warm = snapshot_download("alice/warm")
    jobs = {name: (download, name) for name in ("limited", "busy", "slow", "cut", "corrupt")}
    jobs |= {name: (failure, download, name) for name in ("s401", "s403", "s404", "s500", "dropped")}
    jobs |= {name: (failure, upload, name) for name in ("no-commit", "bad-upload")}
    jobs |= {name: (upload, name) for name in ("put-again", "limited-upload")}
    jobs |= {"cold": (failure, snapshot_download, "alice/cold"), "warm": (snapshot_download, "alice/warm")}
    jobs |= {"large": (download, "large", 80)}
    with ThreadPoolExecutor(len(jobs)) as pool:
        running = {name: pool.submit(*job) for name, job in jobs.items()}
        out["impatient"] = failure(api.dataset_info, "alice/impatient", timeout=0.3)
        out |= {name: job.result() for name, job in running.items()}
    out["warm_again"] = out["warm"] == warm
    check = api.verify_repo_checksums("alice/f")
    out["mismatches"] = [item["path"] for item in check.mismatches]
"""


def content(name, times=1):
    """Contents differ by a name at the end: the cache would serve one file for another of the same bytes."""
    return WEIGHTS * times + name.encode()


def sha256(name):
    """Under which name the storage knows `content`."""
    return hashlib.sha256(content(name)).hexdigest()


@pytest.fixture(scope="module")
def faults(hub, tmp_path_factory):
    """What huggingface_hub makes of every kind of fault; all at once, because the client mostly sleeps."""
    injected = {
        "limited": Fault("^HEAD .*/limited.bin", 429, times=2, retry_after=1),
        "busy": Fault("^HEAD .*/busy.bin", 503, times=2),
        "slow": Fault("^HEAD .*/slow.bin", "slow", seconds=3),
        "cut": Fault("^GET /cdn/.*/cut.bin", "cut"),
        "large": Fault("^GET /cdn/.*/large.bin", "cut"),
        "corrupt": Fault("^GET /cdn/.*/corrupt.bin", "corrupt"),
        "s401": Fault("/s401.bin", 401, times=None),
        "s403": Fault("/s403.bin", 403, times=None),
        "s404": Fault("/s404.bin", 404, times=None),
        "s500": Fault("^GET /cdn/.*/s500.bin", 500, times=None),
        "dropped": Fault("^HEAD .*/dropped.bin", "cut"),
        "no-commit": Fault("^POST .*alice/no-commit/commit", 500, times=None),
        "bad-upload": Fault(f"^PUT .*{sha256('bad-upload')}", "corrupt"),
        "put-again": Fault(f"^PUT .*{sha256('put-again')}", 500),
        "limited-upload": Fault("^POST .*alice/limited-upload/preupload", 429, retry_after=1),
        "cold": Fault("^GET /api/models/alice/cold", 503, times=None),
        "warm": Fault("^GET /api/models/alice/warm/revision/main", 503, times=None, skip=1),
        "impatient": Fault("alice/impatient", "slow", seconds=1),
    }
    files = [name for name, fault in injected.items() if f"/{name}.bin" in fault.match]
    sizes = {"large": 80}  # 24 MB, cut after 12: the client keeps what has come in pieces of 10 MB
    hub.commit("model", "alice/f", {f"{name}.bin": content(name, sizes.get(name, 1)) for name in files})
    for name in ("no-commit", "bad-upload", "put-again", "limited-upload", "cold", "warm"):
        hub.create_repo("model", f"alice/{name}")
    hub.create_repo("dataset", "alice/impatient")
    start = len(hub.requests)
    with hub.fault(*injected.values()):
        home = tmp_path_factory.mktemp("faults")
        seen = run_client(hub, home, FAULT_CALLS, "hf_good", HF_HUB_ETAG_TIMEOUT="2")
    assert not [name for name, fault in injected.items() if fault.hits == 0]  # each was really met
    return vars(seen) | {"requests": hub.requests[start:]}


def statuses(faults, text):
    """The statuses of the requests whose "METHOD /path" holds a text, in order."""
    return [line.status for line in faults["requests"] if text in f"{line.method} {line.path}"]


def test_rate_limit(faults):
    """A 429 is waited out, one second longer than Retry-After says; only the very first HEAD is repeated at once."""
    assert statuses(faults, "HEAD /alice/f/resolve/main/limited.bin") == [429, 429, 302]
    assert faults["limited"]["intact"] and faults["limited"]["seconds"] >= 2
    assert statuses(faults, "limited-upload/preupload") == [429, 200] and faults["limited-upload"]


def test_server_error(hub, faults):
    """A HEAD and an LFS upload are tried again after a 5xx; the body of a file and a commit are not."""
    assert statuses(faults, "HEAD /alice/f/resolve/main/busy.bin") == [503, 503, 302] and faults["busy"]["intact"]
    assert statuses(faults, f"PUT /cdn/upload/{sha256('put-again')}") == [500, 200] and faults["put-again"]
    assert faults["s500"]["status"] == 500 and statuses(faults, "/s500.bin") == [302, 500]
    assert faults["no-commit"]["status"] == 500 and statuses(faults, "no-commit/commit") == [500]
    assert list(hub.files("model", "alice/no-commit")) == [".gitattributes"]


def test_refused(faults):
    """401 and 404 keep their meaning; a 403 reaches the caller as a file that is not in the cache."""
    assert faults["s401"]["status"] == 401 and raised(faults["s401"], "HfHubHTTPError")
    assert faults["s404"]["status"] == 404 and raised(faults["s404"], "RepositoryNotFoundError")
    assert raised(faults["s403"], "LocalEntryNotFoundError") and not raised(faults["s403"], "HfHubHTTPError")


def test_slow(faults):
    """A time-out of the metadata request is tried again with a longer one; elsewhere it is raised."""
    assert faults["slow"]["intact"] and faults["slow"]["seconds"] >= 2
    assert raised(faults["impatient"], "TimeoutException")


def test_cut(faults):
    """A body that ends early is noticed; what has come is kept in pieces of 10 MB, and a range asked for.

    A connection that is closed before the answer is not forgiven.
    """
    assert faults["cut"]["intact"] and statuses(faults, "/cut.bin") == [302, 200, 200]
    assert faults["large"]["intact"] and statuses(faults, "/large.bin") == [302, 200, 206]
    assert raised(faults["dropped"], "RemoteProtocolError") and not raised(faults["dropped"], "OSError")


def test_corrupt(hub, faults):
    """Wrong bytes of the right size pass as a download: only the checksums tell. As an upload they are refused."""
    assert faults["corrupt"]["same_size"] and not faults["corrupt"]["intact"]
    assert faults["mismatches"] == ["corrupt.bin"]
    assert raised(faults["bad-upload"], "RuntimeError")
    assert list(hub.files("model", "alice/bad-upload")) == [".gitattributes"]


def test_snapshot_without_the_hub(faults):
    """A snapshot is not asked for twice: what the cache has is returned, however old, and else it is an error."""
    assert faults["warm_again"] and statuses(faults, "alice/warm/revision") == [200, 503]
    assert raised(faults["cold"], "LocalEntryNotFoundError") and statuses(faults, "alice/cold/") == [503]
