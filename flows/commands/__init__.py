"""One module per group of verbs. Importing them is cheap: what a verb needs, it imports when it is called."""
