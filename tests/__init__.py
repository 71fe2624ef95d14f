"""The tests mirror the tree. `tests.places` says where real data lies."""
