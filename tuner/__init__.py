"""The search for the frontier: the best accuracy at every size, for each family of students."""
