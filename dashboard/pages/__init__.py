"""The pages: one module each, with a function `show`; they say what is seen and compute nothing."""
