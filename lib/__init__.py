"""What the lessons import: reference implementations, checks, views and data."""
