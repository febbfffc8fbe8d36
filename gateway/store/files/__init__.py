"""What is kept as files: the key ring, the paid content and the lock of the data folder."""
