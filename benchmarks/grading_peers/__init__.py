"""What `benchmarks/grading.py` needs to have other graders grade the same class."""
