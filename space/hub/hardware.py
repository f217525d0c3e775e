"""Which Python versions a Space's hardware takes, so that a Space that cannot build is refused before it is pushed."""

from space.errors import UserError

#: {prefix of a hardware: the versions it takes}. Other hardware takes any version that has an image. Source: "Spaces
#: ZeroGPU" in the documentation of the Hub, August 2026.
PYTHONS = {"zero-": ("3.12.12", "3.10.13")}


def check_python(hardware: str, version: str) -> None:
    """Refuse a Python version that the hardware does not take; "3.12" stands for each 3.12.

    Raises:
        UserError: it names both, and the versions to choose from.
    """
    for prefix, taken in PYTHONS.items():
        if hardware.startswith(prefix) and not any(f"{one}.".startswith(f"{version}.") for one in taken):
            raise UserError(
                f"--hardware is {hardware!r}, which takes Python {' and '.join(taken)}, and python_version in "
                f"README.md is {version!r}: write {taken[0]} there, or choose other hardware"
            )
