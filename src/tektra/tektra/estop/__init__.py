"""The latched protective stop of one robot."""
