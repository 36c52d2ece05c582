"""From commands to short set-points for the gate: closed loops on odometry and joint states."""
