"""The protocol between a robot gate and a robot, as docs/wire_protocol.md says it."""
