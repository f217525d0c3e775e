"""The command of the long tests: python -m tests.long NAME [options]; NAME --help shows the options."""

import importlib
import sys

RUNS = ("fuzz", "hub", "kills", "mutants", "soak")


def main() -> None:
    """Run the named test."""
    name, *arguments = sys.argv[1:] or [""]
    if name not in RUNS:
        sys.exit(f"usage: python -m tests.long {'|'.join(RUNS)} [options]")
    importlib.import_module(f"tests.long.{name}").main(arguments)


if __name__ == "__main__":
    main()
