"""Fitting a teacher or a student, and going on after an interruption."""
