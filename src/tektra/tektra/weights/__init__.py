"""Model weights: what there is, where it comes from, and getting it onto the disk unharmed."""
