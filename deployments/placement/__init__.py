"""Several clouds: a work pool for each, and which of them gets the consumers of each queue."""
