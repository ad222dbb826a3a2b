"""`verify`: whether a dataset is what the trainer needs, and what its inputs say."""
