"""Orders as shops export them: layouts as data files, and what reads and applies them."""
