"""Kubernetes: manifests as typed data, written as YAML for `kubectl apply -k`, and what they need beside it.

README.md says what they make, how to set them, and what they have been tried with.
"""
