"""The rating page: a small server on loopback, one link a rater, every answer on the disk before it says so."""
