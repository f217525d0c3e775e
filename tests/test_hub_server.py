"""huggingface_hub against `hub_server`: repositories, files, revisions, access and Spaces."""

import pytest
from hub_client import TOKENS, WEIGHTS, raised, run_client, serve


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """One server for all tests; they use different repositories."""
    with serve(tmp_path_factory.mktemp("hub")) as server:
        yield server


API_CALLS = """
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, HfApi, HfFileSystem, RepoCard
    from huggingface_hub import hf_hub_download, snapshot_download

    api, anyone, wrong, reader = HfApi(), HfApi(token=False), HfApi(token="hf_wrong"), HfApi(token="hf_read")
    weights = bytes(range(256)) * 1200
    out["user"] = api.whoami()["name"]

    # create
    out["created"] = api.create_repo("alice/m").repo_id
    out["bare_name"] = api.create_repo("bare", repo_type="dataset").repo_id
    out["exists"] = failure(api.create_repo, "alice/m")
    out["exist_ok"] = str(api.create_repo("alice/m", exist_ok=True))
    out["foreign"] = failure(api.create_repo, "bob/m")
    out["read_token"] = failure(reader.create_repo, "alice/new")

    # commit
    folder = Path("folder")
    (folder / "sub").mkdir(parents=True)
    (folder / "README.md").write_text("---\\nlicense: mit\\ntags: [shoes]\\n---\\n# One\\n")
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "sub/notes.txt").write_text("one")
    (folder / "sub/empty.txt").write_text("")
    first = api.upload_folder(repo_id="alice/m", folder_path=folder, commit_message="first").oid
    out["first"], out["again"] = first, api.upload_folder(repo_id="alice/m", folder_path=folder).oid
    second = api.upload_file(path_or_fileobj=b"two", path_in_repo="sub/notes.txt", repo_id="alice/m").oid
    add = CommitOperationAdd("late.txt", b"late")
    out["conflict"] = failure(
        api.create_commit, "alice/m", [add], commit_message="late", parent_commit=first
    )
    copy = CommitOperationCopy("model.safetensors", "copy.safetensors")
    api.create_commit("alice/m", [copy], commit_message="copy", parent_commit=second)
    api.delete_file("sub/empty.txt", "alice/m")
    out["delete_missing"] = failure(api.delete_file, "no.txt", "alice/m")
    out["bad_card"] = failure(
        api.upload_file, path_or_fileobj=b"---\\na: [\\n---\\n", path_in_repo="README.md", repo_id="alice/m"
    )
    out["bad_space_card"] = failure(
        RepoCard("---\\nsdk: gradio\\ncolorFrom: mauve\\n---\\n").validate, repo_type="space"
    )

    # refs
    api.create_tag("alice/m", tag="v1", revision=first)
    api.create_branch("alice/m", branch="try/it", revision="v1")
    api.upload_file(path_or_fileobj=b"branch", path_in_repo="b.txt", repo_id="alice/m", revision="try/it")
    refs = api.list_repo_refs("alice/m")
    out["refs"] = [sorted(ref.name for ref in refs.branches), {ref.name: ref.target_commit for ref in refs.tags}]
    api.create_tag("alice/m", tag="v1", exist_ok=True)
    out["branch_file"] = Path(hf_hub_download("alice/m", "b.txt", revision="try/it")).read_text()
    out["main_lacks_it"] = failure(hf_hub_download, "alice/m", "b.txt")
    api.delete_branch("alice/m", branch="try/it")
    api.create_tag("alice/m", tag="gone")
    api.delete_tag("alice/m", tag="gone")
    out["log"] = [commit.title for commit in api.list_repo_commits("alice/m")]

    # listings
    out["files"] = api.list_repo_files("alice/m")
    info = api.model_info("alice/m", files_metadata=True)
    out["info"] = [info.sha, info.private, info.card_data.license, info.tags]
    out["siblings"] = {file.rfilename: [file.size, file.lfs and file.lfs.sha256] for file in info.siblings}
    out["models"] = [model.id for model in api.list_models(author="alice")]
    tree = api.list_repo_tree("alice/m", recursive=True, expand=True)
    out["tree"] = {entry.path: entry.last_commit.title for entry in tree}
    out["paths"] = [entry.path for entry in api.get_paths_info("alice/m", ["sub", "model.safetensors", "no"])]
    fs = HfFileSystem()
    out["glob"] = fs.glob("alice/m/*.safetensors")
    with fs.open("alice/m/model.safetensors", block_size=1000) as file:
        file.seek(-6, 2)
        out["range"] = list(file.read(4))

    # download
    path = hf_hub_download("alice/m", "model.safetensors")
    out["weights"] = Path(path).read_bytes() == weights
    out["blob"] = Path(path).resolve().name
    out["second_time"] = hf_hub_download("alice/m", "model.safetensors") == path
    old, new = Path(snapshot_download("alice/m", revision=first)), Path(snapshot_download("alice/m"))
    out["snapshots"] = [old.name, (old / "sub/notes.txt").read_text(), new.name, (new / "sub/notes.txt").read_text()]
    out["by_tag"] = Path(snapshot_download("alice/m", revision="v1")).name
    out["intact"] = api.verify_repo_checksums("alice/m", local_dir=new).mismatches
    out["no_revision"] = failure(hf_hub_download, "alice/m", "README.md", revision="v9")
    out["no_repo"] = failure(hf_hub_download, "alice/nothing", "README.md")
    out["no_repo_anonymous"] = failure(anyone.model_info, "alice/nothing")
    out["exists_checks"] = [api.repo_exists("alice/m"), api.file_exists("alice/m", "no")]

    # access
    api.create_repo("alice/secret", private=True)
    api.upload_file(path_or_fileobj=weights[:100], path_in_repo="x.bin", repo_id="alice/secret")
    out["private"] = api.model_info("alice/secret").private
    out["private_owner"] = len(Path(hf_hub_download("alice/secret", "x.bin")).read_bytes())
    other = {"cache_dir": "other"}
    out["private_anonymous"] = failure(hf_hub_download, "alice/secret", "x.bin", token=False, **other)
    out["private_snapshot"] = failure(snapshot_download, "alice/secret", token=False, **other)
    out["private_foreign"] = failure(hf_hub_download, "alice/secret", "x.bin", token="hf_bob", **other)
    out["private_listed"] = [model.id for model in anyone.list_models(author="alice")]
    out["gated"] = failure(hf_hub_download, "bob/gated", "x.txt")
    out["gated_anonymous"] = failure(hf_hub_download, "bob/gated", "x.txt", token=False)
    out["gated_page"] = anyone.model_info("bob/gated").gated
    out["anonymous_write"] = failure(anyone.upload_file, path_or_fileobj=b"", path_in_repo="x", repo_id="alice/m")
    out["wrong_token"] = failure(wrong.whoami)
    out["wrong_token_public"] = failure(wrong.model_info, "alice/m")
    out["wrong_token_download"] = failure(hf_hub_download, "alice/m", "README.md", token="hf_wrong", **other)
    api.update_repo_settings("alice/secret", private=False)
    out["opened"] = anyone.model_info("alice/secret").private
    api.delete_repo("alice/secret")
    api.delete_repo("alice/secret", missing_ok=True)
    out["deleted"] = failure(api.delete_repo, "alice/secret")

    # Spaces
    space = "alice/demo"
    preset = [{"key": "E5_MODEL", "value": "alice/m"}]
    api.create_repo(space, repo_type="space", space_sdk="gradio", space_variables=preset)
    out["empty_space"] = api.get_space_runtime(space).stage
    api.upload_file(path_or_fileobj=b"print()", path_in_repo="app.py", repo_id=space, repo_type="space")
    api.add_space_variable(space, "E5_EMBEDDINGS", "alice/vectors", description="where")
    api.add_space_variable(space, "TYPO", "x")
    api.delete_space_variable(space, "TYPO")
    api.add_space_secret(space, "HF_TOKEN", "hf_hidden")
    out["variables"] = {key: item.value for key, item in api.get_space_variables(space).items()}
    out["secrets"] = list(api.get_space_secrets(space))
    api.request_space_hardware(space, "zero-a10g")
    out["runtime"] = [api.get_space_runtime(space).stage, api.get_space_runtime(space).requested_hardware]
    out["sdk"] = api.space_info(space).sdk
    out["foreign_variables"] = failure(HfApi(token="hf_bob").get_space_variables, space)
"""


@pytest.fixture(scope="module")
def calls(hub, tmp_path_factory):
    """What huggingface_hub saw; with small pages, so that every listing takes several."""
    hub.create_repo("model", "bob/gated", gated=True)
    hub.commit("model", "bob/gated", {"x.txt": b"x"})
    hub.page_size = 2
    start = len(hub.requests)
    seen = run_client(hub, tmp_path_factory.mktemp("calls"), API_CALLS, "hf_good")
    hub.page_size = 1000
    seen.requests = hub.requests[start:]
    return seen


def test_create_repo(calls):
    """A repository is made once; `exist_ok` forgives, another's namespace and a read-only token are refused."""
    assert calls.user == "alice"
    assert calls.created == "alice/m" and calls.bare_name == "alice/bare"
    assert calls.exists["status"] == 409
    assert calls.exist_ok.endswith("/alice/m")
    assert calls.foreign["status"] == 403 and calls.read_token["status"] == 403


def test_upload(hub, calls):
    """What was uploaded is there, byte for byte; weights went through LFS storage, small text through the commit."""
    at_first = hub.files("model", "alice/m", calls.first)
    assert at_first["model.safetensors"] == WEIGHTS
    assert at_first["sub/notes.txt"] == b"one" and at_first["sub/empty.txt"] == b""
    assert hub.files("model", "alice/m")["sub/notes.txt"] == b"two"
    uploads = [line for line in calls.requests if line.method == "PUT" and line.path.startswith("/cdn/")]
    assert [line.status for line in uploads] == [200, 200]  # model.safetensors and x.bin; the copy costs no upload
    assert calls.siblings["model.safetensors"] == calls.siblings["copy.safetensors"]
    assert calls.siblings["model.safetensors"][0] == len(WEIGHTS)
    assert calls.siblings["README.md"][1] is None


def test_commits(hub, calls):
    """Each upload is one commit; the same folder again is none; a commit on a stale parent is refused."""
    titles = [message for _, message in hub.commits("model", "alice/m")]
    assert titles[-3:] == ["Upload sub/notes.txt with huggingface_hub", "first", "initial commit"]
    assert calls.again == calls.first
    assert calls.conflict["status"] == 412
    assert "late.txt" not in hub.files("model", "alice/m")
    assert raised(calls.delete_missing, "RemoteEntryNotFoundError")
    assert calls.log == titles


def test_card_is_validated(calls):
    """A broken card stops the client before it uploads anything."""
    assert raised(calls.bad_card, "ValueError") and "YAML" in calls.bad_card["text"]
    assert raised(calls.bad_space_card, "ValueError") and "colorFrom" in calls.bad_space_card["text"]


def test_branches_and_tags(calls):
    """A branch with a slash in its name has files of its own; a tag stays where it was put."""
    assert calls.refs == [["main", "try/it"], {"v1": calls.first}]
    assert calls.branch_file == "branch"
    assert raised(calls.main_lacks_it, "RemoteEntryNotFoundError")


def test_listings(calls):
    """Names, sizes, last commits and card data, over several pages."""
    expected = [".gitattributes", "README.md", "copy.safetensors", "model.safetensors", "sub/notes.txt"]
    assert sorted(calls.files) == expected and sorted(calls.siblings) == expected
    assert calls.tree == {
        ".gitattributes": "initial commit",
        "README.md": "first",
        "copy.safetensors": "copy",
        "model.safetensors": "first",
        "sub": "Delete sub/empty.txt with huggingface_hub",
        "sub/notes.txt": "Upload sub/notes.txt with huggingface_hub",
    }
    assert calls.paths == ["sub", "model.safetensors"]
    assert calls.info[1:] == [False, "mit", ["shoes"]]
    assert calls.models == ["alice/m"]
    assert calls.glob == ["alice/m/copy.safetensors", "alice/m/model.safetensors"]


def test_download(hub, calls):
    """A file comes whole, is named by its sha256 in the cache, is not fetched again; ranges give the right bytes."""
    assert calls.weights and calls.second_time
    assert calls.blob == calls.siblings["model.safetensors"][1]
    assert calls.range == [250, 251, 252, 253]
    assert 206 in {line.status for line in calls.requests}
    gets = [line for line in calls.requests if line == ("GET", f"/cdn/{calls.blob}/model.safetensors", 200)]
    assert len(gets) == 1  # neither the second download nor the snapshots asked for it again


def test_revisions(hub, calls):
    """Every revision keeps its own content, by sha and by tag."""
    head = hub.commits("model", "alice/m")[0][0]
    assert calls.snapshots == [calls.first, "one", head, "two"]
    assert calls.by_tag == calls.first and calls.info[0] == head
    assert calls.intact == []
    assert calls.exists_checks == [True, False]


def test_what_is_missing(calls):
    """Repository, revision and file each fail with their own class; without a token a repository "may be private"."""
    assert raised(calls.no_revision, "RevisionNotFoundError") and calls.no_revision["status"] == 404
    assert raised(calls.no_repo, "RepositoryNotFoundError") and calls.no_repo["status"] == 404
    assert raised(calls.no_repo_anonymous, "RepositoryNotFoundError") and calls.no_repo_anonymous["status"] == 401
    assert raised(calls.deleted, "RepositoryNotFoundError")


def test_access(calls):
    """Private is hidden from strangers, gated is shown but not given, a wrong token fails even on what is public."""
    assert calls.private is True and calls.private_owner == 100
    for failed in (calls.private_anonymous, calls.private_snapshot, calls.private_foreign):
        assert raised(failed, "RepositoryNotFoundError")
    assert calls.private_foreign["status"] == 404 and calls.private_anonymous["status"] == 401
    assert calls.private_listed == ["alice/m"] and calls.opened is False
    assert raised(calls.gated, "GatedRepoError") and calls.gated["status"] == 403
    assert raised(calls.gated_anonymous, "GatedRepoError") and calls.gated_anonymous["status"] == 401
    assert calls.gated_page == "auto"
    assert calls.anonymous_write["status"] == 401
    for failed in (calls.wrong_token, calls.wrong_token_public, calls.wrong_token_download):
        assert failed["status"] == 401
        assert raised(failed, "HfHubHTTPError") and not raised(failed, "RepositoryNotFoundError")


def test_space(hub, calls):
    """Variables can be read back, secrets only by name."""
    expected = {"E5_MODEL": "alice/m", "E5_EMBEDDINGS": "alice/vectors"}
    assert calls.variables == expected and hub.variables("alice/demo") == expected
    assert calls.secrets == ["HF_TOKEN"] and hub.secrets("alice/demo") == ["HF_TOKEN"]
    assert calls.empty_space == "NO_APP_FILE" and calls.runtime == ["RUNNING", "zero-a10g"]
    assert calls.sdk == "gradio"
    assert calls.foreign_variables["status"] == 403


def test_tokens_stay_out_of_sight(hub, calls):
    """No token is in the log of requests, and none ever reached the CDN (it would have answered 400)."""
    assert not [line for line in hub.requests for token in TOKENS if token in line.path]
    assert {line.status for line in hub.requests if line.path.startswith("/cdn/")} <= {200, 206}
