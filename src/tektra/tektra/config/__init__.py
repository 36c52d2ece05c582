"""Configuration in layers: shipped, TEKTRA_HOME/config, environment, command line."""
