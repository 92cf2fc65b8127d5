"""Messages to customers, each sent at most once: how an order ended, and the money of a return.

A message that cannot be sent never fails its order.
"""

from agents.workflow.messages import notification_agent

notify_customer = notification_agent("notify_customer")
notify_return = notification_agent("notify_return")
