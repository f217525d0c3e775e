"""One builder for each tab."""
