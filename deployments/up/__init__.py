"""Runs an installation as processes of one machine: `python -m deployments.up`.

`plan` makes processes of deployments/components.py, `supervisor` keeps them running, `record` is what is
known of them in the data folder, so that any later command finds them.
"""
