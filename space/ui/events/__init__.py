"""Forms and what happens on a click, and the endpoints for programs."""
