"""The retail orders of tau2-bench as a sample, with a stock that covers most of them."""

from pathlib import Path

ORDERS = Path(__file__).parent / "orders.jsonl.gz"
CATALOGUE = Path(__file__).parent / "catalogue.jsonl.gz"
CUSTOMERS = Path(__file__).parent / "customers.jsonl.gz"
STOCK = Path(__file__).parent / "stock.csv"

ORDER_COUNT = 1_000
CUSTOMER_COUNT = 500
PRODUCT_COUNT = 50
VARIANT_COUNT = 591
