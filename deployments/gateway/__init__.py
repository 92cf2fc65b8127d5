"""The gateway: the HTTP front of every workflow, its versions and the console."""
