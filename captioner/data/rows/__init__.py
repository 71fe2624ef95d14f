"""Rows of tables and records of JSON files: read, understood, and merged to one Example a picture."""
