"""Documents of a corpus: files found, opened, decompressed and read, part by part."""
