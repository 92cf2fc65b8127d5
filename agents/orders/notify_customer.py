"""The customer's message about the end of an order: sent at most once, and never a failed order."""

from agents.workflow.messages import notification_agent

notify_customer = notification_agent("notify_customer")
