"""Launch files in the laptop world: parse, plan, supervise; and the run file of a graph."""
