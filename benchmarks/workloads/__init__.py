"""The workloads: one file each, with one function per framework that can do the work."""
