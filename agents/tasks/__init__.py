"""Tasks: the steps of workflows that are given as files; each begins when those that it needs are done."""
