"""The files of the embed."""
