"""What goes out with a release, and to whom: what may leave the warehouse, tables, office files and their views."""
