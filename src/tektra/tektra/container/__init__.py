"""Several nodes in one process, to save memory; the ones that must not share one are refused."""
