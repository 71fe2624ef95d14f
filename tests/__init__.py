"""The tests, in a tree like that of the packages. `tests.places` has the folders of real data."""
