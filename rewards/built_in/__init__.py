"""The rewards that come with the package: one module a family.

Imports `rewards` and `metric`; the registry reaches these modules by name.
"""
