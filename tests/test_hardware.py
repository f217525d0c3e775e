"""The hardware of a Space and the Python version of its front matter."""

import pytest
from conftest import ROOT
from huggingface_hub import RepoCard

from space.errors import UserError
from space.hub.hardware import check_python
from space.hub.hosted_space import DEFAULT_HARDWARE, space_card


@pytest.mark.parametrize(
    ("hardware", "version"),
    [
        ("zero-a10g", "3.12"),
        ("zero-a10g", "3.12.12"),
        ("zero-a10g", "3.10.13"),
        ("cpu-basic", "3.11"),
        ("t4-small", "3.13"),
    ],
)
def test_versions_that_the_hardware_takes(hardware, version):
    check_python(hardware, version)


@pytest.mark.parametrize("version", ["3.11", "3.1", "3.12.1", "3.13"])
def test_a_space_that_would_not_build_is_refused(version):
    with pytest.raises(UserError, match=rf"zero-a10g.*3\.12\.12 and 3\.10\.13.*'{version}'"):
        check_python("zero-a10g", version)


def test_the_readme_fits_the_hardware_that_a_new_space_asks_for():
    readme = (ROOT / "README.md").read_text()
    card = RepoCard(space_card(readme, models=[], datasets=[], hardware=DEFAULT_HARDWARE))
    assert card.data.suggested_hardware == DEFAULT_HARDWARE
    with pytest.raises(UserError, match="python_version"):
        space_card(readme.replace("3.12.12", "3.11"), models=[], datasets=[], hardware=DEFAULT_HARDWARE)
