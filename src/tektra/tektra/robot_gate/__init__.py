"""The only holder of a robot's driver: lets set-points through, or not."""
