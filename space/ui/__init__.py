"""The web page and its endpoints. ``demo`` puts them together; what only makes HTML needs no gradio."""
