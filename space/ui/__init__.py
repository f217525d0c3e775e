"""The web page and its endpoints; ``page`` puts them together."""
