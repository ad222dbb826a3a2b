"""`prepare`: encoding a corpus, in processes, through interruptions, into a dataset."""
