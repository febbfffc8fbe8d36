"""Tables, both database engines, and the files beside them."""
