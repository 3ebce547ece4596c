"""What a model is worth: scores with intervals, figures, reports."""
