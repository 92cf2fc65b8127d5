"""Data analysis: collect, clean, train, compare and report; README.md has the guide."""
