"""The paper: readings, classes, theorems."""
