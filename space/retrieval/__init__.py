"""Systems that rank products for a query, behind one Protocol: dense, BM25, hybrid, random."""
