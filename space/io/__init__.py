"""Atomic files, locks, prefetching and processes."""
