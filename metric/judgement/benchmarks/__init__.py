"""Human-judgement benchmarks by name: one module reads the published files of one benchmark."""
