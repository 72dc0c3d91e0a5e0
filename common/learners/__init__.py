"""What learns: Keras 3, tf-keras and scikit-learn models behind one protocol, and how they are fed."""
