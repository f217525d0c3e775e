"""The embeddings data set on disk: manifest, reader, writer, mapped files."""
