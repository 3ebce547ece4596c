"""What is said of a saved model: its card, the table of all cards, a sample of its answers."""
