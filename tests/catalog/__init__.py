"""Items, creators and the markup of what they sell."""
