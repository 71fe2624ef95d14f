"""A server of rewards: JSON over HTTP, requests of many clients scored together on one device.

Imports rewards and metric, and no other room of captioner.
"""
