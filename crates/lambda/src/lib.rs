//! What the main of every function shares: configuration, telemetry, error names.
