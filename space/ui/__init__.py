"""The web page and its endpoints."""

from space.ui.demo import build_demo, launch_options

__all__ = ["build_demo", "launch_options"]
