//! The build driver: what to build, the cache, the report.
