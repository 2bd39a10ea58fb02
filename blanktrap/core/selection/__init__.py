"""Who trains and who is tested: what stays together, the deal, and the choice of what to learn from."""
