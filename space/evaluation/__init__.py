"""Metrics, the two protocols, slices, forgetting, and the findings in words."""
