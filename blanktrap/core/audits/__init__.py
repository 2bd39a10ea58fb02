"""Second looks by people: labels that look wrong, what a cutoff throws away, and their answers."""
