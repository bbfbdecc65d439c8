"""From a request to the items shown: the pipeline, its stop rules and the one warm model."""
