"""The ``tektra`` command: the same verbs in a checkout and on a robot."""
