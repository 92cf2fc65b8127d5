"""What Redis does for us: wake consumers, carry messages, share a cache. It may lose everything.

Nothing here is needed for correctness, and nothing starts a server before somebody asks for it.
"""
