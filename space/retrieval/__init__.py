"""Systems that rank products for a query: dense, BM25, hybrid."""
