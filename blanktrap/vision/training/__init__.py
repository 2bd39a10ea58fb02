"""Training the network: the recipe, the loop over epochs, the state that a run goes on from. Knows no Ray."""
