"""What several scenarios share of the business: accounts, requests, rules and the contracts of messages."""
