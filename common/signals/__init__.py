"""Audio files, features, pictures and augmentation."""
