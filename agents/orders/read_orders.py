"""Orders as records: from a file or standard input, each one checked or rejected with the reason."""

from agents.orders.models import Order
from agents.orders.validate import check_order
from agents.workflow.records import Records

ORDER_RECORDS = Records(Order, key="order_id", check=check_order)

read_orders = ORDER_RECORDS.read
