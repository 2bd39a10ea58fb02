"""What work on a cluster would take: prices, speeds, and the arithmetic over them; it knows no file."""
