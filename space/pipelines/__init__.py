"""The commands from start to end: train, build, quickstart."""
