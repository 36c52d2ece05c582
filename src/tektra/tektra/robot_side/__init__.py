"""The other end of the wire: what a robot does with set-points, as a simulated one does it."""
