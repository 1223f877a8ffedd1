"""What only the instructor runs: building the lessons, grading, releasing."""
