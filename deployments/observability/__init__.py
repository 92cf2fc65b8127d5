"""Dashboards, rules and a runbook, generated from the catalogue of metrics and the alerts here."""
