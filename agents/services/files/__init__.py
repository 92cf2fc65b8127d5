"""Records from files: streamed, bounded, and each bad one named instead of lost."""
