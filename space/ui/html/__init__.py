"""Results to HTML: pure functions that escape by construction; no gradio."""
