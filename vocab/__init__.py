"""The vocabularies that ship with the package: one `NAME.txt` each, see NOTICE for their origin."""
