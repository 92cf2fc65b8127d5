"""Customer service: understand turns, answer from documents and orders, request changes, hand over."""
