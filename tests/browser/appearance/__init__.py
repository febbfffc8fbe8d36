"""Names, prices and letters of any size, contrast themes, and what fades."""
