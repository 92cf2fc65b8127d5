"""What every scenario needs around its agents: field types, records, a run over a source, messages."""
