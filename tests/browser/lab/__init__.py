"""A package, so that its tests share one JupyterLab, which is ended after the last of them."""
