"""Whether a metric deserves trust: agreement with people on benchmarks, and an audit by corrupted captions."""
