"""Datasets of the trainer, PREFIX.bin and PREFIX.idx: their format, read, written and merged."""
