"""Where an encoder's weights come from: the Hub, a folder, or the package, and how each is named."""

from pathlib import Path

import pytest

from space.encoding.weights import PACKAGED, PACKAGED_NAME, Weights, WeightsError, is_e5, locate
from space.hub.client import model_download


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("intfloat/multilingual-e5-small", True),
        ("./saved_e5_model", True),
        ("user/E5-shop", True),
        ("bge-small", False),
        ("node5", False),
    ],
)
def test_which_names_say_e5(name, says):
    assert is_e5(name) is says


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package in the place of the real one: ``unpack`` gives its folder."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("space.encoding.packaged_e5.unpack", lambda: tmp_path)
    return tmp_path


def test_offline_the_packaged_weights_replace_their_own_model_and_say_why(package):
    found = locate("intfloat/multilingual-e5-small", model_download(offline=True), substitute=True)
    assert (found.name, found.folder) == (PACKAGED_NAME, package)
    assert "--offline" in found.notice and "intfloat/multilingual-e5-small" in found.notice


@pytest.mark.parametrize("name", ["intfloat/multilingual-e5-base", "intfloat/multilingual-e5-small@v1"])
def test_offline_no_other_model_is_replaced(package, name):
    """Another size, or another commit, would silently be another experiment."""
    with pytest.raises(WeightsError, match=f"{name.partition('@')[0]}.* --base-model {PACKAGED}"):
        locate(name, model_download(offline=True), substitute=True)


@pytest.mark.parametrize("name", [PACKAGED, PACKAGED_NAME])
def test_the_package_can_be_asked_for_by_flag_and_by_the_name_that_a_store_gives_it(package, name):
    assert locate(name) == Weights(PACKAGED_NAME, package)


def test_a_tuned_model_is_never_replaced():
    with pytest.raises(WeightsError, match="user/tuned is not in the cache"):
        locate("user/tuned", model_download(offline=True))


def test_a_mistyped_folder_is_called_a_folder():
    with pytest.raises(WeightsError, match=r"\./nowhere: no such folder"):
        locate("./nowhere")


def test_weights_name_what_they_are():
    assert Weights("a/b", Path(), "0123456789abcdef").notice == "a/b at 0123456789ab"
    assert "because" in Weights("a/b", Path(), reason="because").notice
