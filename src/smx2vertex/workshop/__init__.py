"""The workshop: exercises as data, checks of what participants made of them, and the progress of a class."""
