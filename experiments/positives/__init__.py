"""What synthetic positives bring to PAC-S++: their kind, their weight, their maker, their faults."""
