"""Catalogue and judgments: readers, the bundled sample, filters and the profile of a data set."""
