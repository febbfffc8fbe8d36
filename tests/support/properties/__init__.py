"""What tests of properties share: how many examples they try, and what examples are made of."""
