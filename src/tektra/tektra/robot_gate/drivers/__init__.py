"""Ways to reach a robot, one file each behind ``driver.RobotDriver``."""
