"""Agents: functions with one responsibility each, made Prefect tasks. README.md builds a scenario of them.

runtime/   what keeps work safe; knows no business
services/  everything outside the process: a protocol, a sandbox and adapters for each system
workflow/  what every scenario needs around its agents: field types, records, the run, its report
shop/      what several scenarios share of the business
orders/    order processing
analysis/  data analysis
support/   customer service
tasks/     workflows that are files
invoices/  invoice approval, the tutorial
"""
