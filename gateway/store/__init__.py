"""What is kept: the database by SQLAlchemy Core, the key ring and the paid content in the data folder."""
