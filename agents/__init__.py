"""Agents: functions with one responsibility each, made Prefect tasks.

runtime/   what every agent shares, and what keeps work safe; knows no business
services/  everything outside the process: a protocol, a sandbox and real adapters for each system
orders/    the agents of order processing, one file each
"""
