"""LocalStack without Docker and without a Java runtime: functions are native programs, JSONata is evaluated in Python."""
