"""From scored media to figures: what is counted, which cutoff, where animals are missed."""
