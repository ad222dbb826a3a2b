"""Training data: from documents to RWKV's binidx files, on one machine."""
