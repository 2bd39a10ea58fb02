"""Arithmetic over scores, labels and counts by location; it knows no report and no file."""
