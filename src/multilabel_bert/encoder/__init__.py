"""BERT: its configuration, its checkpoints, its Keras layers, its OpenVINO graph."""
