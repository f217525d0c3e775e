"""One command for every long run: python -m tests.long NAME [options]; --help after a name shows its options."""

import importlib
import sys

RUNS = ("fuzz", "kills", "mutants", "soak")


def main() -> None:
    """Run what is named."""
    name, *arguments = sys.argv[1:] or [""]
    if name not in RUNS:
        sys.exit(f"usage: python -m tests.long {'|'.join(RUNS)} [options]")
    importlib.import_module(f"tests.long.{name}").main(arguments)


if __name__ == "__main__":
    main()
