"""The REST of YARN, by GET alone: the ResourceManager's, and that of the NodeManagers it names."""
