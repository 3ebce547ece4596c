"""Models in the formats that others run: SavedModel for TF Serving, LiteRT, ONNX; each checked against Keras."""
