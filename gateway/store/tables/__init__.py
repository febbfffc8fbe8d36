"""The database's tables by SQLAlchemy Core, one module for each noun."""
