"""What the build of a component knows of WIT. It is one package, so that no module of a context has the name of one of these."""
