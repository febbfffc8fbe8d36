"""The SQL of every table, in SQLAlchemy Core, one module for each noun. `schema` defines the tables."""
