"""A fleet probed by workers of a Dask cluster, which may stand at other sites."""
