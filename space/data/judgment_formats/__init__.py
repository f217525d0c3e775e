"""Judgments as other people have them: one table, tables in a folder, WANDS, TREC qrels, BEIR, Quepid, click logs."""
