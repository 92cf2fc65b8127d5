"""Stories: one business process a file, and the operations on all of them.

order_processing  orders: risk, stock, payment, logistics, notification
operations        reconcile, dead letters, decisions, cancellation
stories           which story finishes the items of which scenario
parameters        what several flows take
terminal          how a flow is run from a terminal
"""
