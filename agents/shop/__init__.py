"""What a shop lets its customers do to their orders: accounts, requests, and the rules between them."""
