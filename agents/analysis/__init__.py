"""Data analysis: collect, clean, model, report."""
