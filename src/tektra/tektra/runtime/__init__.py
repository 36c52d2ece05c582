"""What every node shares: node base, topic table, parameters, clocks, queues, backends, tap."""
