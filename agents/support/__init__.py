"""Customer service: intent, knowledge, reply, hand-off."""
