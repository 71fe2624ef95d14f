"""The output of `captioner data` on a data set: counts, a contact sheet."""
