"""Flows: one business process in each file, and the operations on all of them.

order_processing  runs over files of orders
fulfilment        the steps of an order: assess, reserve, charge, ship, notify; and of a change to one
data_analysis     data: collect, clean, publish, train, compare, report
customer_service  turns of conversations: understand, decide, act, answer
conversation      the steps of one turn, and of its hand-over to a person
chat, evaluation  a conversation in the terminal; the figures of customer service
dask_training     fits candidate models on a Dask cluster
workflows         the registry: what processes, notifies and reconciles the items of each scenario
operations        recovery, reconciliation, actions of people, queues, consumers
cli               runs flows from a terminal
"""

import agents.do_not_track
import agents.network
import agents.starting  # noqa: F401 - what is said when an import is interrupted
