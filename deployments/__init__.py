"""How a story reaches a worker.

resources  work pools, queues and limits as data
apply      makes a Prefect server agree with them; `prefect --no-prompt deploy --all` comes after it
check      compares prefect.yaml, the flows and resources, offline
lock       writes requirements.lock, the exact set for images and plain pip
"""
