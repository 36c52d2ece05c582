"""What is known about each robot before anything runs: config/robots, its limits and its key."""
