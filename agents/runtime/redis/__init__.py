"""Redis wakes consumers, transports messages and holds the shared cache. It may lose all data.

Correctness does not depend on it, and no server is started before its first use.
"""
