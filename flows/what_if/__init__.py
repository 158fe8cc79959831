"""Questions about what is in the warehouse already: other weights, other graders, and where a change came from."""
