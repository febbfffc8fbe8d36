"""What readers, creators and programs reach over HTTP."""
