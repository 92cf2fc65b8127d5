"""Order processing: check, assess risk, reserve stock, charge, ship, tell the customer."""
