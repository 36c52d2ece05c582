"""What the engines need, what the machine has, and who gets what."""
