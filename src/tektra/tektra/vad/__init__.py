"""Voice activity: says when somebody speaks, with exact sample indexes."""
