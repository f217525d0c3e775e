"""Folders that are replaced as a whole: on mount points, through links, readable by others, killed at any step."""

import contextlib
import errno
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from space.encoding.weights import WeightsError, locate
from space.errors import UserError
from space.hub.publish import push_model
from space.io import folders
from space.io.files import WriteError, atomically, disk_errors, require_writable, unreadable
from space.store.reader import Store, StoreError


def write(folder, text):
    """A model of two files, one of them in a folder."""
    with folders.replaced(folder) as unfinished:
        (unfinished / "README.md").write_text(text)
        (unfinished / "images").mkdir()
        (unfinished / "images" / "loss.png").write_text(text)


def content(folder):
    """{path: text} of every file."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def model(text):
    return {"README.md": text, "images/loss.png": text}


def test_a_model_is_replaced_whole(tmp_path):
    target = tmp_path / "model"
    write(target, "first")
    (target / "stale.txt").write_text("of the first")
    write(target, "second")
    assert content(target) == model("second")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_replacement_killed_between_its_renames_is_undone(tmp_path):
    target = tmp_path / "model"
    write(target, "first")
    target.rename(tmp_path / "model.previous")
    (tmp_path / "model.unfinished").mkdir()
    folders.undo_half_replacement(target)
    assert content(target) == model("first")
    assert not (tmp_path / "model.previous").exists()


def test_a_write_that_fails_leaves_the_old_model(tmp_path):
    target = tmp_path / "model"
    write(target, "first")
    with pytest.raises(OSError, match="disk full"), folders.replaced(target) as unfinished:
        (unfinished / "README.md").write_text("half")
        raise OSError("disk full")
    assert content(tmp_path) == {f"model/{name}": text for name, text in model("first").items()}
    write(target, "third")
    assert content(target) == model("third")


# -- folders that cannot be renamed ----------------------------------------------------------------------------------


def test_a_mount_point_is_filled_anew(mounted):
    """A volume of Docker or Kubernetes: renaming it ends with EBUSY, and the file system may keep lost+found there."""
    volume = mounted("size=1m")
    (volume / "lost+found").mkdir()
    for text in ("first", "second"):
        with folders.sole_writer(volume):
            write(volume, text)
        (volume / "stale").mkdir(exist_ok=True)
    assert content(volume) == model("second")
    names = {path.name for path in volume.iterdir()}
    assert names == {".lock", "lost+found", "stale", "README.md", "images"}
    assert not list(volume.parent.glob(f"{volume.name}.*")), "nothing beside it, which may be another disk"


def test_a_link_to_a_mount_point_is_followed(mounted, tmp_path):
    volume, link = mounted("size=1m"), tmp_path / "link"
    link.symlink_to(volume)
    write(link, "first")
    assert link.is_symlink() and content(volume) == model("first")


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_followed(tmp_path, there):
    """Also one to a folder that is yet to be made."""
    target, link = tmp_path / "disk" / "model", tmp_path / "link"
    if there:
        write(target, "first")
    link.symlink_to(target)
    with folders.sole_writer(link):
        write(link, "second")
    assert link.is_symlink() and content(target) == model("second")


class Killed(BaseException):
    """Stops the process where it is, as SIGKILL does: what follows in the code has no part in it."""


@pytest.mark.parametrize("step", range(12))
def test_a_kill_while_entries_are_moved_leaves_the_old_or_the_new(mounted, monkeypatch, step):
    """Every rename, removal and new folder in turn is the one that is not reached."""
    volume, done = mounted("size=1m"), 0
    write(volume, "first")

    def counted(act):
        def call(*arguments, **options):
            nonlocal done
            done += 1
            if done > step:
                raise Killed
            return act(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        for owner, name in ((shutil, "move"), (shutil, "rmtree"), (Path, "rename"), (Path, "rmdir")):
            patched.setattr(owner, name, counted(getattr(owner, name)))
        with contextlib.suppress(Killed):
            write(volume, "second")
    folders.undo_half_replacement(volume)
    left = {name: text for name, text in content(volume).items() if not name.startswith(".unfinished")}
    assert left in (model("first"), model("second"))
    write(volume, "third")
    assert content(volume) == model("third")


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV, errno.EACCES])
def test_a_folder_whose_rename_is_refused_is_filled_anew(tmp_path, monkeypatch, number):
    """A bind mount on the same disk, and a folder from a container's image, do not look like mount points."""
    target, rename = tmp_path / "model", Path.rename
    write(target, "first")

    def refused(path, to):
        if path == target:
            raise OSError(number, os.strerror(number))
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refused)
    write(target, "second")
    assert content(target) == model("second")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.fixture
def as_stranger():
    """Acts as another user than the owner of the files; root may read everything, so it becomes ``nobody``."""

    @contextlib.contextmanager
    def become():
        if os.geteuid() != 0:
            yield False
            return
        os.setegid(65534)
        os.seteuid(65534)
        try:
            yield True
        finally:
            os.seteuid(0)
            os.setegid(0)

    return become


@pytest.fixture
def public():
    """A folder that other users can reach, unlike ``tmp_path``."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
        subprocess.run(["chmod", "-R", "u+rwX", name], check=False)


def test_a_folder_whose_parent_is_not_ours_is_filled_anew(public, as_stranger):
    target = public / "model"
    target.mkdir()
    public.chmod(0o555)
    target.chmod(0o777)
    with as_stranger(), folders.sole_writer(target):
        write(target, "first")
        write(target, "second")
    assert content(target) == model("second")


# -- permissions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("umask", "files", "folder"), [(0o022, 0o644, 0o755), (0o027, 0o640, 0o750)])
def test_permissions_follow_the_umask(tmp_path, umask, files, folder):
    """safetensors writes its files 0600, so that another user could not read the model."""
    before = os.umask(umask)
    try:
        with folders.replaced(tmp_path / "model") as unfinished:
            (unfinished / "images").mkdir(mode=0o700)
            save_file({"a": torch.zeros(2)}, str(unfinished / "images" / "model.safetensors"))
        with atomically(tmp_path / "best.safetensors") as unfinished:
            save_file({"a": torch.zeros(2)}, str(unfinished))
    finally:
        os.umask(before)

    def mode(name):
        return stat.S_IMODE((tmp_path / name).stat().st_mode)

    assert [mode("model"), mode("model/images")] == [folder] * 2
    assert [mode("model/images/model.safetensors"), mode("best.safetensors")] == [files] * 2


@pytest.mark.parametrize("closed", ["", "model.safetensors", "1_Pooling"])
def test_a_model_that_may_not_be_read_is_said_so(public, as_stranger, closed):
    """The message sent people back to training."""
    folder = public / "model"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"x")
    (folder / closed).chmod(0)
    with as_stranger():
        for use in (locate, lambda name: push_model(Path(name), "alice/m"), lambda name: Store(Path(name))):
            with pytest.raises(UserError, match=r"permission denied for .*chmod -R a\+rX"):
                use(str(folder))


def test_a_readable_model_is_not_suspected(public, as_stranger):
    (public / "model").mkdir()
    with as_stranger():
        assert unreadable(public / "model") == unreadable(public / "absent") == ""
        with pytest.raises(WeightsError, match="no .safetensors file"):
            locate(str(public / "model"))
        with pytest.raises(StoreError, match="not a store"):
            Store(public / "model")


def test_a_folder_that_may_not_be_written_is_refused_before_the_work(public, as_stranger):
    (public / "file").touch()
    public.chmod(0o555)
    with as_stranger():
        for folder in (public, public / "new", public / "file"):
            with pytest.raises(WriteError, match="name another folder"):
                require_writable(folder)
        with pytest.raises(WriteError, match="not allowed to write there"), folders.sole_writer(public / "new"):
            pass


# -- errors of the disk ----------------------------------------------------------------------------------------------


def test_libraries_that_wrap_an_error_of_the_disk(mounted):
    """safetensors and torch raise their own errors when the disk is full."""
    disk = mounted("size=256k")
    for save, name in ((lambda path: save_file({"a": torch.zeros(2**17)}, str(path)), "a"),
                       (lambda path: torch.save({"a": torch.zeros(2**17)}, path), "b")):  # fmt: skip
        with pytest.raises(WriteError, match=r"the disk is full: free some space; then come back"):
            with disk_errors(disk / name, "then come back"):
                save(disk / name)


def test_other_errors_pass():
    for error in (RuntimeError("shapes differ"), OSError("no number"), FileNotFoundError(errno.ENOENT, "no such")):
        with pytest.raises(type(error)) as caught, disk_errors(Path("x")):
            raise error
        assert caught.value is error
